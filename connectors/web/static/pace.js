// The pace of a conversation stands in its name: see connectors/web/pace.py.

import { onSpeak, say } from "./words.js";

const PACES = ["fast", "slack", "discord"];

export function paceOf(conversation) {
  const name = conversation.split("-", 1)[0];
  return conversation.includes("-") && PACES.includes(name) ? name : "fast";
}

export function named(pace, id) {
  return pace === "fast" ? id : `${pace}-${id}`;
}

export class Pace {
  // onChoose(pace): the reader wants another one.
  constructor(choices, line, onChoose) {
    this.choices = choices;
    this.line = line;
    onSpeak(() => this.#say(this.chosen));
    choices.addEventListener("change", ({ target }) => {
      this.#say(target.value);
      onChoose(target.value);
    });
  }

  get chosen() {
    return this.choices.querySelector("input:checked").value;
  }

  show(conversation) {
    const pace = paceOf(conversation);
    this.choices.querySelector(`input[value="${pace}"]`).checked = true;
    this.#say(pace);
  }

  #say(pace) {
    this.line.textContent = say(`pace.${pace}`);
  }
}
