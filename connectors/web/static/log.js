// The list of messages: shows what the server says, message by message, version by version.

import { copyCode, draw, follow } from "./answer.js";
import { Controls } from "./controls.js";
import { make } from "./elements.js";
import { outgoing } from "./outgoing.js";
import { receipt } from "./receipt.js";
import { say } from "./words.js";

export class Log {
  #messages = new Map(); // id -> { element, version, message }

  // on: { press(id, control), delete(id), edit(id, text), copied(done) }, what a reader wants done.
  constructor(element, on) {
    this.element = element;
    this.controls = new Controls(this, on);
    element.addEventListener("click", (event) => this.#click(event));
  }

  get empty() {
    return this.element.childElementCount === 0;
  }

  // The messages as the server says they are, in their order.
  get messages() {
    return [...this.element.children].map((element) => this.#messages.get(element.dataset.id).message);
  }

  // The answers that are being written.
  get writing() {
    return this.messages.filter(isWriting);
  }

  // The messages of the same answer, in their order.
  answer({ id, run_id }) {
    return this.messages.filter((other) => other.id === id || (run_id && other.run_id === run_id));
  }

  body(id) {
    return this.#messages.get(id).element.querySelector(".body");
  }

  // Begins anew with these messages. Screen readers hear only what comes after.
  reset(messages) {
    this.element.setAttribute("aria-live", "off");
    this.element.replaceChildren();
    this.#messages.clear();
    for (const message of messages) this.show(message);
    requestAnimationFrame(() => this.element.setAttribute("aria-live", "polite"));
  }

  // Shows a message that the server has, unless a newer version of it is known.
  show(message) {
    const known = this.#messages.get(message.id);
    if (known && known.version >= message.version) return;
    const element = known?.element ?? this.#make(message);
    this.#messages.set(message.id, { element, version: message.version, message });
    element.dataset.seq = message.seq;
    if (!known || known.version === 0) this.#place(element, message);
    this.#fill(element, message);
    if (message.instead) this.#putAside(message);
  }

  // Shows a person's message before the server has it; version 0 gives way to any.
  showPending(id, { text, files }) {
    if (this.#messages.has(id)) return;
    const message = { id, text, files, by_bot: false, author: say("author.you"), version: 0, seq: Infinity };
    this.show({ ...message, controls: [], footer: "", run_id: null, part: null });
    this.#messages.get(id).element.classList.add("pending");
  }

  // Says something that is no message: the server doesn't know of it.
  note(title, text) {
    const element = make("article", "message bot notice");
    const body = make("div", "body", text);
    element.append(make("h2", "author", title), body);
    const id = `note-${this.element.childElementCount}`;
    element.dataset.id = id;
    const known = [...this.element.children].map((other) => Number(other.dataset.seq));
    element.dataset.seq = Math.max(0, ...known.filter(Number.isFinite));
    this.#messages.set(id, { element, version: 1, message: { id, controls: [], by_bot: true, text } });
    this.element.append(element);
  }

  settle(id) {
    this.#messages.get(id)?.element?.classList.remove("pending");
  }

  // A later frame about a deleted message is an old one: its version stays known.
  remove(id) {
    this.#messages.get(id)?.element?.remove();
    this.#messages.set(id, { element: null, version: Infinity });
  }

  // Takes back a message that the server did not keep, so that it can be sent again.
  forget(id) {
    this.remove(id);
    this.#messages.delete(id);
  }

  // Undoes the marks of a press that was refused.
  release(id) {
    for (const button of this.#messages.get(id)?.element?.querySelectorAll(".controls button") ?? []) {
      button.disabled = false;
    }
  }

  #make(message) {
    const element = make("article", message.by_bot ? "message bot" : "message person");
    element.dataset.id = message.id;
    element.tabIndex = -1;
    const author = make("h2", "author", message.author);
    const body = make("div", "body");
    body.dir = "auto";
    const foot = make("div", "foot");
    foot.append(make("div", "controls"), make("div", "receipt"));
    const files = make("ul", "outgoing");
    files.hidden = true;
    element.append(author, body, files, foot, this.controls.beside(message));
    // What belongs to no run is a word of the bot's own, not an answer.
    if (message.by_bot && !message.run_id) element.classList.add("notice");
    return element;
  }

  #fill(element, message) {
    const writing = isWriting(message);
    // A busy message is not read aloud: screen readers get it once, when it is complete.
    element.setAttribute("aria-busy", writing);
    element.classList.toggle("writing", writing);
    element.classList.toggle("failed", Boolean(message.failed));
    const body = element.querySelector(".body");
    if (message.by_bot) draw(body, message.html, { writing, fault: message.failed, mark: message.id });
    else body.replaceChildren(message.text, ...message.files.map(({ name }) => fileChip(name)));
    if (message.by_bot) outgoing(element.querySelector(".outgoing"), message.files ?? []);
    receipt(element.querySelector(".receipt"), message);
    this.controls.below(element.querySelector(".controls"), message);
  }

  // In the server's order, with what it does not have yet at the end.
  #place(element, message) {
    const seq = Number(element.dataset.seq);
    const later = [...this.element.children].find(
      (other) => other !== element && Number(other.dataset.seq) > seq,
    );
    if (element.nextElementSibling !== (later ?? null) || !element.isConnected) {
      this.element.insertBefore(element, later ?? null);
    }
    element.dataset.run = message.run_id ?? "";
    const before = element.previousElementSibling;
    const joined = message.part > 0 && before?.dataset.run === element.dataset.run;
    element.classList.toggle("joined", joined);
    if (joined) before.classList.add("continued");
  }

  // What an edited question was asked instead of is put aside, and can be looked at.
  #putAside({ id, instead, seq }) {
    const aside = this.messages.filter((other) => other.seq >= instead && other.seq < seq);
    const elements = aside.map((other) => this.#messages.get(other.id).element);
    const { element } = this.#messages.get(id);
    if (!elements.length || element.querySelector(".past")) return;
    const button = make("button", "past plain", say("past.show"));
    button.type = "button";
    button.setAttribute("aria-expanded", false);
    button.addEventListener("click", () => {
      const open = button.getAttribute("aria-expanded") !== "true";
      button.setAttribute("aria-expanded", open);
      button.textContent = say(open ? "past.hide" : "past.show");
      for (const each of elements) each.hidden = !open;
    });
    for (const each of elements) {
      each.classList.add("aside");
      each.hidden = true;
    }
    element.append(button);
  }

  #click(event) {
    const button = event.target.closest(".code-bar button");
    if (button) copyCode(button);
    const link = event.target.closest("a[data-footnote]");
    if (link && follow(link, link.closest(".body"))) event.preventDefault();
  }
}

export function isWriting(message) {
  return message.controls.includes("stop");
}

function fileChip(name) {
  const chip = make("span", "file", name);
  chip.dir = "auto";
  return chip;
}
