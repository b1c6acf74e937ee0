// Server-sent events (WHATWG HTML, 9.2) out of the text of a response, as it comes.

/** One event is never longer; what is longer is no stream of ours. */
const UNREAD_MAX = 1 << 20;

export class EventStreamParser {
  #unread = "";
  #event = "";
  #data = [];
  /** Of the last event that was complete. */
  lastID = null;
  #id = null;

  /**
   * @param {string} text the next part, cut anywhere
   * @returns {{name: string, data: string}[]} the events that it completed
   */
  push(text) {
    const events = [];
    const all = this.#unread + text;
    // A line end of two characters may be cut in the middle: its second half waits.
    const end = all.endsWith("\r") ? all.length - 1 : all.length;
    const lines = all.slice(0, end).split(/\r\n|\n|\r/);
    this.#unread = lines.pop() + all.slice(end);
    if (this.#unread.length > UNREAD_MAX) throw new Error("an event of the stream has no end");
    for (const line of lines) this.#take(line, events);
    return events;
  }

  #take(line, events) {
    if (line === "") {
      if (this.#id !== null) this.lastID = this.#id;
      if (this.#data.length > 0) events.push({ name: this.#event || "message", data: this.#data.join("\n") });
      this.#event = "";
      this.#data = [];
      return;
    }
    const colon = line.indexOf(":");
    if (colon === 0) return;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    if (field === "data") this.#data.push(value);
    else if (field === "event") this.#event = value;
    else if (field === "id" && !value.includes("\0")) this.#id = value;
  }
}
