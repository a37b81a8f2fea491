// What can be pressed at a message: what the server offers, and what the page does itself.

import { copy, plain } from "./copying.js";
import { icon, iconButton, make } from "./elements.js";
import { say } from "./words.js";

const THUMBS = ["up", "down"];
const ARMED_MS = 4000; // so long a second press deletes

export class Controls {
  constructor(log, on) {
    this.log = log;
    this.on = on;
  }

  // Beside a message: Delete, which asks; and for a person's own, Edit.
  beside(message) {
    const box = make("div", "beside");
    if (!message.by_bot) {
      const edit = () => this.on.edit(message.id);
      box.append(iconButton("edit", say("act.edit"), edit));
    }
    box.append(this.#delete(message.id));
    return box;
  }

  #delete(id) {
    let timer = 0;
    const button = iconButton("delete", say("act.delete"), () => {
      if (button.classList.contains("armed")) return this.on.delete(id);
      arm(true);
      timer = setTimeout(() => arm(false), ARMED_MS);
    });
    const asking = make("span", "", "");
    button.append(asking);
    const arm = (armed) => {
      clearTimeout(timer);
      button.classList.toggle("armed", armed);
      asking.textContent = armed ? say("act.delete_sure") : "";
      button.setAttribute("aria-label", say(armed ? "act.delete_sure" : "act.delete"));
    };
    button.addEventListener("blur", () => arm(false));
    return button;
  }

  // Below a message. The buttons are kept where they are the same: focus and clicks survive edits.
  below(bar, message) {
    const names = this.#names(message);
    if (bar.dataset.names === names.join()) return;
    keepFocus(bar);
    bar.dataset.names = names.join();
    bar.replaceChildren(...names.map((name) => this.#button(message.id, name)));
  }

  #names({ by_bot, run_id, controls, last, source }) {
    if (!by_bot) return [];
    const given = controls.filter((name) => name !== "stop"); // that one stands in the composer
    const whole = given.includes("up");
    const shown = given.filter((name) => !(whole && name === "retry"));
    const waits = given.includes("allow"); // what is to be decided stands alone
    const copying = run_id && last && source && !waits ? ["copy", "copy_plain"] : [];
    return [...shown, ...copying, ...(whole && given.includes("retry") ? ["regenerate"] : [])];
  }

  #button(id, name) {
    if (name === "copy") return iconButton(name, say("act.copy"), () => this.#copy(id, (each) => each.source));
    if (name === "copy_plain") {
      const drawn = (each) => plain(this.log.body(each.id));
      return iconButton(name, say("act.copy_plain"), () => this.#copy(id, drawn));
    }
    if (name === "regenerate") return this.#pressing(iconButton(name, say("act.regenerate"), () => {}), id, "retry");
    if (THUMBS.includes(name)) return this.#thumb(id, name);
    const button = make("button", name);
    button.type = "button";
    button.append(icon(name), make("span", "", say(`act.${name}`)));
    return this.#pressing(button, id, name);
  }

  // All messages of an answer, as one.
  async #copy(id, text) {
    const message = this.log.messages.find((other) => other.id === id);
    const texts = this.log.answer(message).map(text);
    this.on.copied(await copy(texts.join("\n\n")));
  }

  #thumb(id, name) {
    const button = iconButton(name, say(`act.${name}`), () => {
      sessionStorage.setItem(`thumb ${id}`, name);
      for (const thumb of button.parentElement.querySelectorAll("[aria-pressed]")) {
        thumb.setAttribute("aria-pressed", thumb === button);
      }
      this.on.press(id, name);
    });
    button.setAttribute("aria-pressed", sessionStorage.getItem(`thumb ${id}`) === name);
    return button;
  }

  #pressing(button, id, name) {
    button.addEventListener("click", ({ detail }) => {
      if (detail > 1) return; // a double click would press what comes in its place
      keepFocus(button);
      button.disabled = true; // a double click is one press
      setTimeout(() => (button.disabled = false), 2000);
      this.on.press(id, name);
    });
    return button;
  }
}

// Before a button goes or is disabled: its reader stays at the message, not at the page's top.
function keepFocus(leaving) {
  if (!leaving.contains(document.activeElement)) return;
  leaving.closest(".message").focus({ preventScroll: true });
}
