// The playground's page: what is typed goes to the server, what the server says is shown.

import { Attachments } from "./attachments.js";
import { Connection } from "./connection.js";
import { Log, isWriting } from "./log.js";
import { Microphone } from "./microphone.js";
import { Pace, named } from "./pace.js";
import { Settings } from "./settings.js";
import { Talks } from "./talks.js";
import { Turn } from "./turn.js";
import { say, speak } from "./words.js";
import "./words.zh.js";

const TEXT_LIMIT = 20_000;
const NEAR_PX = 80; // so near to its end, a reader follows the text

const part = (id) => document.getElementById(id);
const text = part("text");
const pending = new Map(); // id -> { conversation, text, files, instead }: said, and not yet safe
let shown = ""; // the conversation whose snapshot is on the screen
let editing = null; // the id of the question that is being edited

speak(navigator.languages ?? [navigator.language]);
const log = new Log(part("log"), {
  press: (message, control) => request({ type: "press", message, control }),
  delete: (message) => request({ type: "delete", message }),
  edit: (id) => edit(id),
  copied: (done) => {
    if (done) part("told").textContent = say("copy.done");
    else problem(say("copy.not_allowed"));
  },
});
const turn = new Turn(part("status"), log);
const talks = new Talks(part("side"), {
  open: () => showSide(false),
  clear: (conversation) => connection.send({ type: "clear", conversation }),
  gone: (id) => id === current() && leave(),
});
const pace = new Pace(part("pace"), part("pace-line"), (name) => begin(name));
const settings = new Settings(part("panel"), current);
part("settings").addEventListener("click", () => settings.open());
const attached = new Attachments(part("attached"), {
  conversation: current,
  onProblem: problem,
  onChange: fit,
});
const microphone = new Microphone(part("speak"), {
  most: Number(document.body.dataset.voice),
  async onRecorded(file) {
    await attached.add([file]);
    if (!attached.empty) ask(text.value);
  },
  onProblem: problem,
});

const answers = {
  snapshot({ conversation, messages }) {
    if (conversation !== current()) return;
    shown = conversation;
    log.reset(messages);
    turn.reset();
    for (const [id, said] of pending) if (said.conversation === shown) utter(id, said);
    const first = messages.find((message) => !message.by_bot && !message.text.startsWith("/"));
    if (first) talks.note(shown, first.text || first.files[0]?.name);
    scrollToEnd();
  },
  message({ message }) {
    const wrote = log.writing.some(({ id }) => id === message.id);
    log.show(message);
    if (message.by_bot && !message.alone) turn.answered();
    if (wrote && !isWriting(message) && message.last) done();
  },
  deleted: ({ id }) => log.remove(id),
  status: ({ status }) => turn.told(status),
  accepted({ id }) {
    pending.delete(id);
    log.settle(id);
  },
  cleared: ({ conversation }) => talks.cleared(conversation),
  uncleared({ conversation, why }) {
    talks.kept(conversation);
    problem(why);
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
    keepingPlace(() => {
      if (frame.type in answers && (shown || frame.type !== "message")) answers[frame.type](frame);
      settle();
    });
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

// The conversation is deleted: another one begins in its place.
function leave() {
  history.replaceState(null, "", `#${named(pace.chosen, randomId())}`);
  change();
  part("undo").querySelector("button").focus();
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
  if (editing) leaveEdit();
  pace.show(current());
  talks.open(current());
  log.reset([]);
  turn.reset();
  open();
  text.focus();
}

// Saying something

function ask(words) {
  const wrong = fault(words);
  problem(wrong);
  if (wrong) return;
  if (words.trim() === "/help") {
    type("");
    log.note(say("help.title"), say("help.text"));
    settle();
    scrollToEnd();
    return;
  }
  const id = randomId();
  const said = { conversation: current(), text: words, files: attached.take(), instead: editing };
  pending.set(id, said);
  if (editing) leaveEdit();
  else if (text.value === words) type("");
  if (shown) utter(id, said);
  else log.showPending(id, said); // goes out with the next snapshot
  if (!words.startsWith("/")) talks.note(current(), words || said.files[0]?.name);
  settle();
  scrollToEnd();
}

// Why words can't be sent; empty where they can.
function fault(words) {
  if (attached.sending) return say("file.sending");
  if (!words.trim() && attached.empty) return say("ask.empty");
  if ([...words].length <= TEXT_LIMIT) return "";
  return say("ask.too_long", { most: TEXT_LIMIT.toLocaleString("en") });
}

function utter(id, { text: words, files, instead }) {
  log.showPending(id, { text: words, files });
  const ids = files.map((file) => file.id);
  connection.send({ type: "ask", id, text: words, files: ids, ...(instead ? { instead } : {}) });
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

function edit(id) {
  const message = log.messages.find((other) => other.id === id);
  editing = id;
  part("editing").hidden = false;
  attached.take();
  attached.giveBack(message.files.map(({ name, id: file }) => ({ name, id: file, sending: false })));
  type(message.text);
  text.focus();
}

function leaveEdit() {
  editing = null;
  part("editing").hidden = true;
  attached.take();
  type("");
}

function stop() {
  const writing = log.writing;
  if (!writing.length) ask("/stop");
  for (const { id } of writing) request({ type: "press", message: id, control: "stop" });
}

function request(frame) {
  problem("");
  if (connection.send(frame)) return;
  log.release(frame.message);
  problem(say("ask.lost"));
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

// What follows from what is shown now.
function settle() {
  part("welcome").hidden = !(log.empty && (shown || pending.size));
  turn.show();
  fit();
}

function fit() {
  text.style.height = "auto";
  text.style.height = `${text.scrollHeight}px`;
  const nothing = !text.value.trim() && attached.empty;
  part("send").disabled = nothing;
  part("stop").hidden = !turn.busy;
  part("send").hidden = turn.busy && nothing;
}

// Who looks at another tab sees in this one's title that the answer is there.
function done() {
  if (document.hidden) document.title = say("done.title", { title: say("page.title") });
}

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) document.title = say("page.title");
});

// On a narrow screen the list of conversations lies over the page.
function showSide(open) {
  document.body.classList.toggle("side-open", open);
  part("menu").setAttribute("aria-expanded", open);
  if (open) part("side").querySelector("a, input").focus();
}

function atEnd() {
  const box = part("scroll");
  return box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_PX;
}

// A reader at the end stays there; one who reads further up is left alone.
function keepingPlace(change) {
  const follows = atEnd();
  change();
  if (follows) scrollToEnd();
  newest();
}

function scrollToEnd() {
  part("scroll").scrollTop = part("scroll").scrollHeight;
}

function newest() {
  part("newest").hidden = atEnd();
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
  if (event.key === "Escape" && editing) leaveEdit();
  // Enter that ends the composition of a character does not send.
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  ask(text.value);
});
part("examples").addEventListener("click", ({ target }) => {
  if (target.matches("button")) ask(target.textContent);
});
part("stop").addEventListener("click", () => {
  // The button goes: its reader stays at the answer, and a second Enter sends no draft.
  (log.element.lastElementChild ?? part("scroll")).focus({ preventScroll: true });
  stop();
});
part("cancel").addEventListener("click", () => {
  leaveEdit();
  text.focus();
});
part("newest").addEventListener("click", () => {
  scrollToEnd();
  newest();
  text.focus();
});
part("scroll").addEventListener("scroll", newest, { passive: true });
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
addEventListener("keydown", ({ key }) => key === "Escape" && microphone.cancel());
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
