// The pace of a conversation stands in its name: see connectors/web/pace.py.

const LINES = {
  fast: "Five edits a second at most, in messages of up to 4,000 characters.",
  slack:
    "As Slack allows a workspace: 50 edits a minute, shared by all its answers, in messages of up to 11,000 characters.",
  discord:
    "As Discord allows a channel, with a margin: 4 posts and edits in 5 seconds, in messages of up to 2,000 characters.",
};

export function paceOf(conversation) {
  const name = conversation.split("-", 1)[0];
  return conversation.includes("-") && name in LINES ? name : "fast";
}

export function named(pace, id) {
  return pace === "fast" ? id : `${pace}-${id}`;
}

export class Pace {
  // onChoose(pace): the reader wants another one.
  constructor(choices, line, onChoose) {
    this.choices = choices;
    this.line = line;
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
    this.line.textContent = LINES[pace];
  }
}
