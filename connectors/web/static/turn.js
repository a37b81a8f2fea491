// What is said below the messages: that the bot thinks, or which place a waiting question has.

import { say } from "./words.js";

const COMMANDS = ["/new", "/stop"];
const AGAIN = /^\/retry +\S{1,64}$/;
const SWITCHES = ["/tools off", "/tools on"]; // of admins

export class Turn {
  #status = "idle";
  #queues = false; // whether questions wait for each other here, as the bot has said

  constructor(element, log) {
    this.element = element;
    this.log = log;
  }

  // Whether there is something to be stopped.
  get busy() {
    return this.#thinking || this.log.writing.length > 0 || this.#waiting.length > 0;
  }

  reset() {
    this.#status = "idle";
    this.#queues = false;
    this.show();
  }

  told(status) {
    if (status === "queued") this.#queues = true;
    // That another question waits does not end what is being thought about.
    if (!(status === "queued" && this.#thinking)) this.#status = status;
  }

  answered() {
    this.#status = "idle";
  }

  show() {
    const words = this.#words();
    this.element.hidden = !words;
    if (this.element.firstElementChild.textContent !== words) {
      this.element.firstElementChild.textContent = words;
    }
  }

  get #thinking() {
    return this.#status === "thinking";
  }

  // The questions that wait, oldest first. While one is thought about, the oldest is the one.
  get #waiting() {
    if (!this.#queues) return [];
    const open = unanswered(this.log.messages);
    return this.#thinking ? open.slice(1) : open;
  }

  #words() {
    const waiting = this.#waiting.length;
    if (waiting) {
      const before = waiting; // the one that is being answered, and those that wait before the last
      return before > 1 ? say("status.queued_behind", { count: before }) : say("status.queued");
    }
    return this.#thinking ? say("status.thinking") : "";
  }
}

// Questions without an answer. Before one that has an answer none waits any more; nor does what its
// asker's /stop has dropped.
function unanswered(messages) {
  const answered = new Set(messages.map(({ about }) => about).filter(Boolean));
  let open = [];
  for (const message of messages) {
    if (message.by_bot || SWITCHES.includes(message.text) || AGAIN.test(message.text)) continue;
    if (COMMANDS.includes(message.text)) open = open.filter(({ author }) => author !== message.author);
    else if (answered.has(message.id)) open = [];
    else open.push(message);
  }
  return open;
}
