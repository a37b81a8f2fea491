// The playground's page: what is typed goes to the server, what the server says is shown.

import { Attachments } from "./attachments.js";
import { Connection } from "./connection.js";
import { Log } from "./log.js";
import { Pace, named } from "./pace.js";
import { Talks } from "./talks.js";

const TEXT_LIMIT = 20_000;
const STATUSES = { queued: "Waiting for its turn", thinking: "Thinking" };

const part = (id) => document.getElementById(id);
const text = part("text");
const pending = new Map(); // id -> { conversation, text, files }: said, and not yet safe with the bot
let shown = ""; // the conversation whose snapshot is on the screen

const log = new Log(part("log"), {
  onPress: (message, control) => request({ type: "press", message, control }),
  onDelete: (message) => request({ type: "delete", message }),
});
const talks = new Talks(part("talks"), part("no-talks"), { onOpen: () => showSide(false) });
const pace = new Pace(part("pace"), part("pace-line"), (name) => begin(name));
const attached = new Attachments(part("attached"), {
  conversation: current,
  onProblem: problem,
  onChange: fit,
});

const answers = {
  snapshot({ conversation, messages }) {
    if (conversation !== current()) return;
    shown = conversation;
    log.reset(messages);
    status("idle");
    for (const [id, said] of pending) if (said.conversation === shown) say(id, said);
    const first = messages.find((message) => !message.by_bot && !message.text.startsWith("/"));
    if (first) talks.note(shown, first.text || first.files[0]?.name);
    scrollToEnd();
  },
  message({ message }) {
    log.show(message);
    if (message.by_bot && !message.alone) status("idle");
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

function begin(name = pace.chosen) {
  const id = named(name, randomId());
  if (log.empty) history.replaceState(null, "", `#${id}`); // an empty one is not worth a step back
  else location.hash = id;
  if (log.empty) change();
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
  pace.show(current());
  talks.open(current());
  log.reset([]);
  open();
  text.focus();
}

// Saying something

function ask(words) {
  if (attached.sending) {
    problem("A file is still on its way. Please send again in a moment.");
    return;
  }
  if (!words.trim() && attached.empty) {
    problem("There is no text in your message.");
    return;
  }
  if ([...words].length > TEXT_LIMIT) {
    problem(`Your message is too long: the most is ${TEXT_LIMIT.toLocaleString("en")} characters.`);
    return;
  }
  const id = randomId();
  const said = { conversation: current(), text: words, files: attached.take() };
  pending.set(id, said);
  problem("");
  if (text.value === words) type("");
  if (shown) say(id, said);
  else log.showPending(id, said); // goes out with the next snapshot
  if (!words.startsWith("/")) talks.note(current(), words || said.files[0]?.name);
  welcome();
  scrollToEnd();
}

function say(id, said) {
  log.showPending(id, said);
  connection.send({ type: "ask", id, text: said.text, files: said.files.map((file) => file.id) });
}

// What was not kept goes back to where it was typed.
function giveBack(id) {
  const said = pending.get(id);
  if (!said) return;
  pending.delete(id);
  log.forget(id);
  attached.giveBack(said.files);
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
  part("send").disabled = !text.value.trim() && attached.empty;
}

// On a narrow screen the list of conversations lies over the page.
function showSide(open) {
  document.body.classList.toggle("side-open", open);
  part("menu").setAttribute("aria-expanded", open);
  if (open) part("side").querySelector("a, input").focus();
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
part("new").addEventListener("click", () => {
  begin();
  text.focus();
});
part("menu").addEventListener("click", () => {
  showSide(!document.body.classList.contains("side-open"));
});
part("scroll").addEventListener("click", () => showSide(false));
addEventListener("keydown", ({ key }) => {
  if (key !== "Escape" || !document.body.classList.contains("side-open")) return;
  showSide(false);
  part("menu").focus();
});
part("attach").addEventListener("click", () => part("files").click());
part("files").addEventListener("change", ({ target }) => {
  attached.add(target.files);
  target.value = "";
});
text.addEventListener("paste", (event) => {
  if (!event.clipboardData.files.length) return;
  event.preventDefault();
  attached.add(event.clipboardData.files);
});
addEventListener("dragover", (event) => event.preventDefault());
addEventListener("drop", (event) => {
  event.preventDefault();
  attached.add(event.dataTransfer.files);
});
part("logout").addEventListener("click", async () => {
  await fetch("/logout", { method: "POST" });
  location.assign("/login");
});
addEventListener("hashchange", change);
change();
fit();
