// GET /stream for ever: comes back after every end, with the id of the last event, to whichever node answers then.

import { EventStreamParser } from "./event-stream.js";

/** A quiet stream says so every 15 s. One that does not is dead, whatever the connection says. */
const QUIET_MILLISECONDS_MAX = 20000;
const BACKOFF_MILLISECONDS = 500;
const BACKOFF_MILLISECONDS_MAX = 8000;
const CONNECT_MILLISECONDS_MAX = 8000;
/** A stream that ends sooner was none: who is cut off for being slow must not come back at once for ever. */
const STEADY_MILLISECONDS = 5000;

export class Stream {
  #listener;
  #parser = new EventStreamParser();
  #lastID = null;
  #openedAt = Infinity;
  isOpen = false;
  failures = 0;

  /** @param listener `opened(isFirst)`, `heard()`, `events([{name, data}])`, `closed()` */
  constructor(listener) {
    this.#listener = listener;
  }

  async run() {
    for (;;) {
      this.#openedAt = Infinity;
      try {
        await this.#follow();
      } catch {
        // An end is an end: what matters is that it goes on.
      }
      if (performance.now() - this.#openedAt >= STEADY_MILLISECONDS) this.failures = 0;
      if (this.isOpen) {
        this.isOpen = false;
        this.#listener.closed();
      }
      this.failures += 1;
      await pause(backoff(this.failures));
    }
  }

  async #follow() {
    const abort = new AbortController();
    let watchdog = setTimeout(() => abort.abort(), CONNECT_MILLISECONDS_MAX);
    try {
      const headers = { Accept: "text/event-stream" };
      if (this.#lastID) headers["Last-Event-ID"] = this.#lastID;
      const response = await fetch("/stream", { headers, cache: "no-store", signal: abort.signal });
      const isStream = response.headers.get("Content-Type")?.startsWith("text/event-stream");
      if (!response.ok || !isStream) throw new Error(`the node answered ${response.status}`);
      this.isOpen = true;
      this.#openedAt = performance.now();
      this.#parser = new EventStreamParser();
      this.#listener.opened(this.#lastID === null);
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        clearTimeout(watchdog);
        watchdog = setTimeout(() => abort.abort(), QUIET_MILLISECONDS_MAX);
        const { done, value } = await reader.read();
        if (done) return;
        const events = this.#parser.push(value);
        this.#lastID = this.#parser.lastID ?? this.#lastID;
        this.#listener.heard();
        if (events.length > 0) this.#listener.events(events);
      }
    } finally {
      clearTimeout(watchdog);
      abort.abort();
    }
  }
}

/** Doubled each time, up to a bound; half of it at random, so that pages do not come back all at once. */
function backoff(failures) {
  const longest = Math.min(BACKOFF_MILLISECONDS_MAX, BACKOFF_MILLISECONDS * 2 ** Math.min(failures - 1, 10));
  return longest * (0.5 + Math.random() / 2);
}

function pause(milliseconds) {
  return new Promise((resume) => setTimeout(resume, milliseconds));
}
