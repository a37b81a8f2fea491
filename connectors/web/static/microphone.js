// Records what is said, until the button is pressed again or as much was said as is heard.

import { onSpeak, say } from "./words.js";

const TYPES = ["audio/webm;codecs=opus", "audio/ogg;codecs=opus", "audio/mp4"];
const ENDINGS = { "audio/webm": "webm", "audio/ogg": "ogg", "audio/mp4": "m4a" };

export class Microphone {
  #recorder = null;
  #asking = false; // whether the browser is asking for leave
  #kept = true; // whether what is being recorded will be sent

  // most: seconds; 0: nobody listens. onRecorded(file); onProblem(words): why nothing is recorded.
  constructor(button, { most, onRecorded, onProblem }) {
    this.button = button;
    this.most = most;
    this.onRecorded = onRecorded;
    this.onProblem = onProblem;
    button.hidden = !most || !navigator.mediaDevices?.getUserMedia || !("MediaRecorder" in window);
    button.addEventListener("click", () => (this.#recorder ? this.stop() : this.#start()));
    onSpeak(() => this.#show());
    this.#show();
  }

  get recording() {
    return this.#recorder !== null;
  }

  stop() {
    this.#recorder?.stop();
  }

  // What was said is not sent.
  cancel() {
    this.#kept = false;
    this.stop();
  }

  async #start() {
    if (this.#asking) return;
    this.#asking = true;
    try {
      this.#record(await navigator.mediaDevices.getUserMedia({ audio: true }));
    } catch (error) {
      const refused = error.name === "NotAllowedError";
      this.onProblem(say(refused ? "speak.not_allowed" : "speak.no_microphone"));
    } finally {
      this.#asking = false;
    }
  }

  #record(stream) {
    const type = TYPES.find((each) => MediaRecorder.isTypeSupported(each));
    const recorder = new MediaRecorder(stream, type ? { mimeType: type } : {});
    const parts = [];
    const timer = setTimeout(() => this.stop(), this.most * 1000);
    this.#kept = true;
    recorder.addEventListener("dataavailable", ({ data }) => data.size && parts.push(data));
    recorder.addEventListener("stop", () => {
      clearTimeout(timer);
      for (const track of stream.getTracks()) track.stop();
      this.#recorder = null;
      this.#show();
      if (this.#kept && parts.length) this.onRecorded(file(parts, recorder.mimeType));
    });
    recorder.start();
    this.#recorder = recorder;
    this.#show();
  }

  #show() {
    const words = say(this.recording ? "speak.stop" : "speak.start");
    this.button.setAttribute("aria-label", words);
    this.button.title = words;
    this.button.setAttribute("aria-pressed", this.recording);
  }
}

function file(parts, type) {
  const bare = type.split(";")[0];
  return new File(parts, `${say("speak.name")}.${ENDINGS[bare] ?? "webm"}`, { type: bare });
}
