// One WebSocket to the server, which comes back by itself.

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 10_000;
const LOG_IN_FIRST = 4401;

export class Connection {
  #socket = null;
  #wait = FIRST_WAIT_MS;
  #timer = 0;

  // onOpen(): the connection stands. onAway(): it is lost. onFrame(frame): the server said this.
  constructor({ onOpen, onAway, onFrame }) {
    this.onOpen = onOpen;
    this.onAway = onAway;
    this.onFrame = onFrame;
    addEventListener("online", () => this.#again());
    document.addEventListener("visibilitychange", () => document.hidden || this.#again());
    this.#connect();
  }

  // True where the frame is on its way; what is lost is for the caller to send again.
  send(frame) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  #connect() {
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(`${scheme}//${location.host}/ws`);
    this.#socket = socket;
    socket.addEventListener("open", () => {
      this.#wait = FIRST_WAIT_MS;
      this.onOpen();
    });
    socket.addEventListener("message", (event) => this.onFrame(JSON.parse(event.data)));
    socket.addEventListener("close", (event) => this.#closed(event.code));
  }

  #closed(code) {
    if (code === LOG_IN_FIRST) {
      location.assign("/login");
      return;
    }
    this.onAway();
    // Not all browsers at the same moment: up to half of the wait is left to chance.
    const wait = this.#wait * (0.5 + Math.random() / 2);
    this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT_MS);
    this.#timer = setTimeout(() => this.#connect(), wait);
  }

  #again() {
    if (this.#socket.readyState !== WebSocket.CLOSED) return;
    clearTimeout(this.#timer);
    this.#connect();
  }
}
