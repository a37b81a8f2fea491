// The playground's page: what is typed goes to the server, what the server says is shown.

import { Connection } from "./connection.js";
import { Log } from "./log.js";

const TEXT_LIMIT = 20_000;
const STATUSES = { queued: "Waiting for its turn", thinking: "Thinking" };

const part = (id) => document.getElementById(id);
const text = part("text");
const pending = new Map(); // id -> { conversation, text }: said, and not yet safe with the bot
let shown = ""; // the conversation whose snapshot is on the screen

const log = new Log(part("log"), {
  onPress: (message, control) => request({ type: "press", message, control }),
  onDelete: (message) => request({ type: "delete", message }),
});

const answers = {
  snapshot({ conversation, messages }) {
    if (conversation !== current()) return;
    shown = conversation;
    log.reset(messages);
    status("idle");
    for (const [id, said] of pending) if (said.conversation === shown) say(id, said.text);
    scrollToEnd();
  },
  message({ message }) {
    log.show(message);
    if (message.by_bot) status("idle");
  },
  deleted: ({ id }) => log.remove(id),
  status: ({ status: name }) => status(name),
  accepted({ id }) {
    pending.delete(id);
    log.settle(id);
  },
  refused({ id, why }) {
    giveBack(id);
    log.release(id);
    problem(why);
  },
};

const connection = new Connection({
  onOpen() {
    part("away").hidden = true;
    open();
  },
  onAway() {
    shown = "";
    part("away").hidden = false;
  },
  onFrame(frame) {
    if (frame.type in answers && (shown || frame.type !== "message")) {
      keepingPlace(() => answers[frame.type](frame));
    }
    welcome();
  },
});

// A conversation is named by the address after the #: whoever has the address can read it.

function current() {
  return location.hash.slice(1);
}

function begin() {
  location.hash = randomId();
}

function randomId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function open() {
  shown = "";
  connection.send({ type: "open", conversation: current() });
}

function change() {
  if (!/^[\w-]{8,64}$/.test(current())) history.replaceState(null, "", `#${randomId()}`);
  problem("");
  log.reset([]);
  open();
  text.focus();
}

// Saying something

function ask(words) {
  if (!words.trim()) {
    problem("There is no text in your message.");
    return;
  }
  if ([...words].length > TEXT_LIMIT) {
    problem(`Your message is too long: the most is ${TEXT_LIMIT.toLocaleString("en")} characters.`);
    return;
  }
  const id = randomId();
  pending.set(id, { conversation: current(), text: words });
  problem("");
  if (text.value === words) type("");
  if (shown) say(id, words);
  else log.showPending(id, words); // goes out with the next snapshot
  welcome();
  scrollToEnd();
}

function say(id, words) {
  log.showPending(id, words);
  connection.send({ type: "ask", id, text: words });
}

// What was not kept goes back to where it was typed.
function giveBack(id) {
  const said = pending.get(id);
  if (!said) return;
  pending.delete(id);
  log.forget(id);
  type(text.value ? `${said.text}\n${text.value}` : said.text);
  text.focus();
}

function request(frame) {
  problem("");
  if (connection.send(frame)) return;
  log.release(frame.message);
  problem("The connection is lost; this was not done.");
}

function type(words) {
  text.value = words;
  fit();
}

// Showing

function problem(words) {
  part("problem").textContent = words;
  part("problem").hidden = !words;
}

function status(name) {
  part("status").hidden = !(name in STATUSES);
  part("status").firstElementChild.textContent = STATUSES[name] ?? "";
}

function welcome() {
  part("welcome").hidden = !(log.empty && (shown || pending.size));
}

function fit() {
  text.style.height = "auto";
  text.style.height = `${text.scrollHeight}px`;
  part("send").disabled = !text.value.trim();
}

// A reader at the end stays there; one who reads further up is left alone.
function keepingPlace(change) {
  const box = part("scroll");
  const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 80;
  change();
  if (atEnd) scrollToEnd();
}

function scrollToEnd() {
  part("scroll").scrollTop = part("scroll").scrollHeight;
}

part("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  ask(text.value);
});
text.addEventListener("input", () => {
  problem("");
  fit();
});
text.addEventListener("keydown", (event) => {
  // Enter that ends the composition of a character does not send.
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  ask(text.value);
});
part("examples").addEventListener("click", ({ target }) => {
  if (target.matches("button")) ask(target.textContent);
});
part("stop").addEventListener("click", () => ask("/stop"));
part("new").addEventListener("click", begin);
part("logout").addEventListener("click", async () => {
  await fetch("/logout", { method: "POST" });
  location.assign("/login");
});
addEventListener("hashchange", change);
change();
fit();
