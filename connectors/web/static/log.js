// The list of messages: shows what the server says, message by message, version by version.

const CONTROLS = {
  stop: "Stop",
  retry: "Retry",
  continue: "Continue",
  up: "Good answer",
  down: "Bad answer",
};
const THUMBS = ["up", "down"];
const BLOCKS =
  "p, h1, h2, h3, h4, h5, h6, blockquote, ul, ol, li, pre, pre > code, table, tbody, thead, tr, th, td";

export class Log {
  #messages = new Map(); // id -> { element, version, seq }

  // onPress(id, control) and onDelete(id): what the reader wants done with a message.
  constructor(element, { onPress, onDelete }) {
    this.element = element;
    this.onPress = onPress;
    this.onDelete = onDelete;
  }

  get empty() {
    return this.element.childElementCount === 0;
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
    this.#messages.set(message.id, { element, version: message.version });
    element.dataset.seq = message.seq;
    this.#fill(element, message);
    this.#place(element, message);
  }

  // Shows a person's message before the server has it; version 0 gives way to any.
  showPending(id, { text, files }) {
    if (this.#messages.has(id)) return;
    const message = { id, text, files, by_bot: false, author: "You", version: 0, seq: Infinity };
    this.show({ ...message, controls: [], footer: "", run_id: null, part: null });
    this.#messages.get(id).element.classList.add("pending");
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
    foot.append(make("div", "controls"), make("p", "receipt"));
    element.append(author, body, foot, this.#deleteButton(message.id));
    return element;
  }

  #deleteButton(id) {
    const button = make("button", "delete");
    button.type = "button";
    button.setAttribute("aria-label", "Delete this message");
    button.title = "Delete";
    button.append(icon("delete"));
    button.addEventListener("click", () => this.onDelete(id));
    return button;
  }

  #fill(element, message) {
    const writing = message.controls.includes("stop");
    // A busy message is not read aloud: screen readers get it once, when it is complete.
    element.setAttribute("aria-busy", writing);
    element.classList.toggle("writing", writing);
    const body = element.querySelector(".body");
    // The HTML was made and cleaned by the server (connectors/web/dialect).
    if (message.by_bot) body.innerHTML = message.html;
    else body.replaceChildren(message.text, ...message.files.map(({ name }) => fileChip(name)));
    for (const box of body.querySelectorAll("pre, table")) box.tabIndex = 0; // to scroll it by keys
    if (writing) tip(body)?.classList.add("tip");
    else for (const code of body.querySelectorAll("pre")) code.before(codeBar(code));
    receipt(element.querySelector(".receipt"), message);
    this.#control(element.querySelector(".controls"), message);
  }

  // The buttons are kept where they are the same: focus and clicks survive the edits.
  #control(bar, message) {
    const names = message.controls.join();
    if (bar.dataset.names === names) return;
    keepFocus(bar);
    bar.dataset.names = names;
    bar.replaceChildren(...message.controls.map((name) => this.#button(message.id, name)));
  }

  #button(id, name) {
    const button = make("button", name);
    button.type = "button";
    button.append(icon(name));
    if (THUMBS.includes(name)) {
      button.title = CONTROLS[name];
      button.setAttribute("aria-label", CONTROLS[name]);
      button.setAttribute("aria-pressed", sessionStorage.getItem(`thumb ${id}`) === name);
    } else {
      button.append(make("span", "", CONTROLS[name]));
    }
    button.addEventListener("click", ({ detail }) => {
      // A double click on Stop would press what comes in its place.
      if (detail < 2) this.#press(button, id, name);
    });
    return button;
  }

  #press(button, id, name) {
    if (THUMBS.includes(name)) {
      sessionStorage.setItem(`thumb ${id}`, name);
      for (const thumb of button.parentElement.querySelectorAll("[aria-pressed]")) {
        thumb.setAttribute("aria-pressed", thumb === button);
      }
    } else {
      keepFocus(button);
      button.disabled = true; // a double click is one press
      setTimeout(() => (button.disabled = false), 2000);
    }
    this.onPress(id, name);
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
}

// The innermost block at the answer's end: the next word will stand there.
function tip(body) {
  let block = body.lastElementChild;
  while (block?.lastElementChild?.matches(BLOCKS)) block = block.lastElementChild;
  if (block?.localName === "code") block.textContent = block.textContent.replace(/\n$/, "");
  return block;
}

// Above a block of code: its language, and a button that copies it.
function codeBar(code) {
  const language = /language-(\S+)/.exec(code.firstElementChild?.className ?? "")?.[1] ?? "";
  const bar = make("div", "code-bar");
  const copy = make("button", "", "Copy");
  copy.type = "button";
  copy.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(code.textContent);
      copy.textContent = "Copied";
    } catch {
      copy.textContent = "Not allowed"; // by the browser: the page is not reached over TLS
    }
    setTimeout(() => (copy.textContent = "Copy"), 2000);
  });
  bar.append(make("span", "", language), copy);
  return bar;
}

function fileChip(name) {
  const chip = make("span", "file", name);
  chip.dir = "auto";
  return chip;
}

// In few words whether the answer is proved; where there is an inspector, the way to the proof.
function receipt(line, message) {
  const runs = document.body.dataset.runs;
  if (!message.footer || !runs || !message.run_id) {
    line.textContent = message.footer;
    return;
  }
  const link = make("a", "", message.footer);
  link.href = `${runs}/${message.run_id}`;
  link.title = "How this answer came to be";
  line.replaceChildren(link);
}

// Before a button goes or is disabled: its reader stays at the message, not at the page's top.
function keepFocus(leaving) {
  if (!leaving.contains(document.activeElement)) return;
  leaving.closest(".message").focus({ preventScroll: true });
}

function make(tag, className = "", text = "") {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}

function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `#icon-${name}`);
  svg.append(use);
  return svg;
}
