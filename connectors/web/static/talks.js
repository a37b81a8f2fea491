// The conversations that this browser has seen, named by their first question. They are kept in the
// browser, so that nobody else who reaches the page sees whose they are.

const KEY = "conversations";
const MOST = 100;
const NAME_LENGTH = 80;

export class Talks {
  // onOpen(id): the reader chose a conversation.
  constructor(list, none, { onOpen }) {
    this.list = list;
    this.none = none;
    this.onOpen = onOpen;
    this.current = "";
    addEventListener("storage", (event) => event.key === KEY && this.show());
  }

  // A conversation was seen. Its first question stays its name.
  note(id, question) {
    const talks = read();
    const known = talks.find((talk) => talk.id === id);
    const name = known?.name ?? shortened(question);
    if (!name) return;
    write([{ id, name }, ...talks.filter((talk) => talk !== known)].slice(0, MOST));
    this.show();
  }

  open(id) {
    this.current = id;
    this.show();
  }

  show() {
    const talks = read();
    this.none.hidden = talks.length > 0;
    this.list.replaceChildren(...talks.map((talk) => this.#item(talk)));
  }

  #item({ id, name }) {
    const link = document.createElement("a");
    link.href = `#${id}`;
    link.textContent = name;
    link.dir = "auto";
    if (id === this.current) link.setAttribute("aria-current", "page");
    link.addEventListener("click", () => this.onOpen(id));
    const forget = document.createElement("button");
    forget.type = "button";
    forget.textContent = "×";
    forget.title = "Take off this list";
    forget.setAttribute("aria-label", `Take off this list: ${name}`);
    forget.addEventListener("click", () => {
      write(read().filter((talk) => talk.id !== id));
      this.show();
    });
    const item = document.createElement("li");
    item.append(link, forget);
    return item;
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
