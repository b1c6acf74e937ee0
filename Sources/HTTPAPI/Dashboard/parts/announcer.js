// Tells a screen reader what is new: alarms and silences, not every reading.

const EVERY_MILLISECONDS = 5000;
/** What is waiting; more than that is a fleet in trouble, and its number says enough. */
const WAITING_MAX = 5;

export class Announcer {
  #element;
  #waiting = [];
  #left = 0;
  #timer = null;

  constructor(element) {
    this.#element = element;
  }

  say(text) {
    if (this.#waiting.length < WAITING_MAX) this.#waiting.push(text);
    else this.#left += 1;
    if (this.#timer === null) this.#next();
  }

  #next() {
    if (this.#waiting.length === 0) {
      this.#timer = null;
      return;
    }
    let text = this.#waiting.shift();
    if (this.#waiting.length === 0 && this.#left > 0) {
      text += `, and ${this.#left} more`;
      this.#left = 0;
    }
    this.#element.textContent = text;
    this.#timer = setTimeout(() => this.#next(), EVERY_MILLISECONDS);
  }
}
