// The files that go with the next message: sent to the server as soon as they are chosen.

import { say } from "./words.js";

export class Attachments {
  #files = []; // { name, id, sending }: id once the server has it

  // conversation(): where the files belong. onProblem(words): why a file could not be attached.
  constructor(list, { conversation, onProblem, onChange }) {
    this.list = list;
    this.conversation = conversation;
    this.onProblem = onProblem;
    this.onChange = onChange;
  }

  get empty() {
    return this.#files.length === 0;
  }

  get sending() {
    return this.#files.some((file) => file.sending);
  }

  // What is attached goes with a message; the list is empty after.
  take() {
    const taken = this.#files;
    this.#set([]);
    return taken;
  }

  // What a message went with that was not kept.
  giveBack(files) {
    this.#set([...files, ...this.#files]);
  }

  async add(chosen) {
    await Promise.all([...chosen].map((file) => this.#send(file)));
  }

  async #send(file) {
    const entry = { name: file.name || say("file.image"), id: null, sending: true };
    this.#set([...this.#files, entry]);
    try {
      entry.id = await upload(this.conversation(), entry.name, file);
      entry.sending = false;
      this.#set(this.#files);
    } catch (error) {
      this.#set(this.#files.filter((other) => other !== entry));
      this.onProblem(say("file.not_attached", { name: entry.name, why: error.message }));
    }
  }

  #set(files) {
    this.#files = files;
    this.list.hidden = files.length === 0;
    this.list.replaceChildren(...files.map((file) => this.#chip(file)));
    this.onChange();
  }

  #chip(file) {
    const chip = document.createElement("li");
    const name = document.createElement("span");
    name.textContent = file.sending ? `${file.name}…` : file.name;
    name.dir = "auto";
    const remove = document.createElement("button");
    remove.type = "button";
    remove.textContent = "×";
    remove.setAttribute("aria-label", say("file.remove", { name: file.name }));
    remove.addEventListener("click", () => this.#set(this.#files.filter((other) => other !== file)));
    chip.append(name, remove);
    return chip;
  }
}

async function upload(conversation, name, file) {
  let answer;
  try {
    answer = await fetch(`/files/${conversation}?name=${encodeURIComponent(name)}`, {
      method: "POST",
      headers: { "Content-Type": file.type || "application/octet-stream" },
      body: file,
    });
  } catch {
    throw new Error(say("file.lost"));
  }
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(said.problem ?? say("file.refused"));
  return said.id;
}
