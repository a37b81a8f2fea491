// The panel for what is set: for this conversation, or for the whole page. Its labels come from the
// server, in the reader's language.

import { make } from "./elements.js";
import { say } from "./words.js";

export class Settings {
  #form = null; // what the server sent: { where, told, fields, seen }

  constructor(dialog, conversation) {
    this.dialog = dialog;
    this.conversation = conversation;
    this.fields = dialog.querySelector(".fields");
    this.problem = dialog.querySelector("[role=alert]");
    this.where = dialog.querySelector("select");
    this.where.addEventListener("change", () => this.#load());
    dialog.querySelector(".close").addEventListener("click", () => dialog.close());
    dialog.querySelector("form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#save();
    });
  }

  open() {
    this.dialog.showModal();
    this.#load();
  }

  async #load() {
    this.#form = null;
    this.fields.replaceChildren();
    this.#say("");
    const form = await this.#call(`?where=${this.where.value}`);
    if (!form) return;
    this.#form = form;
    this.fields.replaceChildren(make("p", "about", form.told), ...form.fields.map(row));
  }

  async #save() {
    if (!this.#form) return;
    this.#say("");
    const { where, seen } = this.#form;
    const written = {};
    for (const input of this.fields.querySelectorAll("[name]")) written[input.name] = value(input);
    const body = JSON.stringify({ where, seen, written });
    if (await this.#call("", { method: "POST", body })) this.dialog.close();
  }

  async #call(query, options) {
    try {
      const answer = await fetch(`/settings/${this.conversation()}${query}`, options);
      const said = await answer.json();
      if (answer.ok) return said;
      this.#say(said.problem);
      this.fields.querySelector(`[name="${said.at}"]`)?.focus();
    } catch {
      this.#say(say("ask.lost"));
    }
    return null;
  }

  #say(words) {
    this.problem.textContent = words;
    this.problem.hidden = !words;
  }
}

function row(field) {
  const label = make("label", "", field.label);
  const input = field.options.length ? choice(field) : written(field);
  input.name = field.name;
  label.append(input);
  if (!field.options.length || input.multiple) label.append(make("small", "", field.without));
  return label;
}

function choice({ kind, value: now, without, options }) {
  const select = make("select");
  select.multiple = kind === "choices";
  if (!select.multiple) select.append(new Option(without, ""));
  const chosen = select.multiple ? now.split(", ") : [now];
  for (const each of options) select.append(new Option(each, each, false, chosen.includes(each)));
  return select;
}

function written({ kind, value: now, most }) {
  const input = make(kind === "text" ? "textarea" : "input");
  input.value = now;
  input.maxLength = most;
  if (kind === "text") input.rows = 6;
  return input;
}

function value(input) {
  if (!input.multiple) return input.value;
  return [...input.selectedOptions].map((option) => option.value).join(", ");
}
