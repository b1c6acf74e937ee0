// The stretch of time that the charts of a page share: a preset that follows the clock, or one that stands still.

const MINUTE = 60000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
export const PRESETS = [
  ["15 min", 15 * MINUTE],
  ["1 h", HOUR],
  ["6 h", 6 * HOUR],
  ["24 h", DAY],
  ["7 d", 7 * DAY],
  ["30 d", 30 * DAY],
];
const SHORTEST = 5000;
const LONGEST = 31 * DAY;
/** Nothing was measured before 2000. */
const EARLIEST = Date.UTC(2000, 0, 1);
/** Beyond now nothing was measured; a little room lets the newest point be seen. */
const AHEAD_SHARE = 0.02;

export class TimeRange {
  from;
  to;
  /** Its length if it follows the clock, else null. */
  following = PRESETS[0][1];
  /** The preset that a reset goes back to. */
  #preset = PRESETS[0][1];

  constructor(now, from, to) {
    if (from >= EARLIEST && to <= now + LONGEST && to - from >= SHORTEST) {
      this.following = null;
      this.#set(from, to, now);
    } else {
      this.follow(this.following, now);
    }
  }

  reset(now) {
    this.follow(this.#preset, now);
  }

  follow(length, now) {
    this.#preset = length;
    this.following = length;
    this.tick(now);
  }

  /** @returns {boolean} whether it moved */
  tick(now) {
    if (this.following === null) return false;
    this.to = now + this.following * AHEAD_SHARE;
    this.from = this.to - this.following;
    return true;
  }

  choose(from, to, now) {
    const length = this.to - this.from;
    this.following = null;
    this.#set(this.from + from * length, this.from + to * length, now);
  }

  zoom(factor, at, now) {
    const length = this.to - this.from;
    const wanted = Math.min(LONGEST, Math.max(SHORTEST, length * factor));
    const centre = this.from + at * length;
    const from = centre - at * wanted;
    this.following = null;
    this.#set(from, from + wanted, now);
  }

  pan(share, now) {
    const step = share * (this.to - this.from);
    this.following = null;
    this.#set(this.from + step, this.to + step, now);
  }

  #set(from, to, now) {
    const length = Math.min(LONGEST, Math.max(SHORTEST, to - from));
    this.to = Math.min(to, now + length * AHEAD_SHARE);
    this.from = this.to - length;
  }
}
