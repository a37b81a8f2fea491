// The conversations that this browser has seen, named by their first question or by the reader. They
// are kept in the browser, so that nobody else who reaches the page sees whose they are.

import { iconButton, make } from "./elements.js";
import { onSpeak, say } from "./words.js";

const KEY = "conversations";
const MOST = 100;
const NAME_LENGTH = 80;
const UNDO_MS = 8000; // so long a deletion can be undone

export class Talks {
  #query = "";
  #renaming = ""; // the id of the one whose name is being typed
  #open = ""; // the id of the one whose buttons are shown
  #timer = 0;

  // on: { open(id), clear(id), gone(id) }: a conversation was chosen; is to be deleted for good; is
  // off the list.
  constructor(side, on) {
    this.list = side.querySelector("#talks");
    this.none = side.querySelector("#no-talks");
    this.undo = side.querySelector("#undo");
    this.on = on;
    this.current = "";
    const search = side.querySelector("#search");
    search.addEventListener("input", () => {
      this.#query = search.value.trim().toLocaleLowerCase();
      this.show();
    });
    this.undo.querySelector("button").addEventListener("click", () => this.#undone());
    addEventListener("storage", (event) => event.key === KEY && this.show());
    onSpeak(() => this.show());
  }

  // A conversation was seen. Its first question stays its name.
  note(id, question) {
    const talks = read();
    const known = talks.find((talk) => talk.id === id);
    const name = known?.name ?? shortened(question);
    if (!name || known?.deleted) return;
    write([{ id, name }, ...talks.filter((talk) => talk !== known)].slice(0, MOST));
    this.show();
  }

  open(id) {
    this.current = id;
    this.show();
  }

  show() {
    const talks = read().filter((talk) => !talk.deleted);
    const found = talks.filter(({ name }) => name.toLocaleLowerCase().includes(this.#query));
    this.none.hidden = found.length > 0;
    this.none.textContent = say(talks.length ? "talks.not_found" : "talks.none");
    this.list.replaceChildren(...found.map((talk) => this.#item(talk)));
    this.#finish();
  }

  // The server has deleted it.
  cleared(id) {
    write(read().filter((talk) => talk.id !== id));
  }

  // The server can't delete it: it is there still.
  kept(id) {
    this.#change(id, { deleted: undefined, asked: undefined });
  }

  #item(talk) {
    const { id, name } = talk;
    const item = make("li");
    if (this.#renaming === id) {
      item.append(this.#field(talk));
      return item;
    }
    const link = make("a", "", name);
    link.href = `#${id}`;
    link.dir = "auto";
    if (id === this.current) link.setAttribute("aria-current", "page");
    link.addEventListener("click", () => this.on.open(id));
    const more = iconButton("more", say("talk.more", { name }), () => {
      this.#open = this.#open === id ? "" : id;
      this.show();
      this.#focus(id, ".more");
    });
    more.setAttribute("aria-expanded", this.#open === id);
    item.append(link, more);
    item.dataset.talk = id;
    if (this.#open === id) item.append(this.#doings(talk));
    return item;
  }

  #doings({ id }) {
    const box = make("div", "doings");
    const button = (words, onClick) => {
      const made = make("button", "plain", say(words));
      made.type = "button";
      made.addEventListener("click", onClick);
      return made;
    };
    const file = (words, ending) => {
      const link = make("a", "plain", say(words));
      link.href = `/export/${id}.${ending}`;
      link.download = "";
      return link;
    };
    const rename = button("talk.rename", () => {
      this.#renaming = id;
      this.show();
      this.list.querySelector("input").select();
    });
    const remove = button("talk.delete", () => this.#delete(id));
    box.append(rename, file("talk.markdown", "md"), file("talk.json", "json"), remove);
    return box;
  }

  #field({ id, name }) {
    const input = make("input");
    input.value = name;
    input.maxLength = NAME_LENGTH;
    input.setAttribute("aria-label", say("talk.name"));
    const done = (chosen) => {
      if (this.#renaming !== id) return;
      this.#renaming = "";
      this.#change(id, { name: chosen.trim() || name });
      this.#focus(id, "a");
    };
    input.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.isComposing) done(input.value);
      if (event.key === "Escape") done(name);
    });
    input.addEventListener("blur", () => done(input.value));
    return input;
  }

  #focus(id, what) {
    this.list.querySelector(`[data-talk="${id}"] ${what}`)?.focus();
  }

  #change(id, what) {
    write(read().map((talk) => (talk.id === id ? { ...talk, ...what } : talk)));
    this.show();
  }

  // Off the list at once, and from the server a little later.
  #delete(id) {
    this.#change(id, { deleted: Date.now() });
    this.undo.hidden = false;
    this.undo.dataset.id = id;
    this.undo.querySelector("button").focus();
    this.on.gone(id);
  }

  #undone() {
    this.undo.hidden = true;
    this.kept(this.undo.dataset.id);
  }

  // Asks the server to delete what can't be undone any more; also what another visit has left.
  #finish() {
    clearTimeout(this.#timer);
    const deleted = read().filter((talk) => talk.deleted);
    if (!deleted.length) return;
    const now = Date.now();
    for (const { id } of deleted.filter((talk) => now - talk.deleted >= UNDO_MS)) {
      if (this.undo.dataset.id === id) this.undo.hidden = true;
      this.on.clear(id);
    }
    this.#timer = setTimeout(() => this.#finish(), 1000);
  }
}

function shortened(question) {
  const line = question.trim().split("\n", 1)[0];
  const letters = [...line];
  return letters.length > NAME_LENGTH ? `${letters.slice(0, NAME_LENGTH).join("")}…` : line;
}

// What is kept may be anything: other versions of this page wrote it, or the reader.
function read() {
  try {
    const talks = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return talks.filter((talk) => /^[\w-]{8,64}$/.test(talk?.id) && typeof talk.name === "string");
  } catch {
    return [];
  }
}

function write(talks) {
  try {
    localStorage.setItem(KEY, JSON.stringify(talks));
  } catch {
    // The browser keeps nothing: the page works without the list.
  }
}
