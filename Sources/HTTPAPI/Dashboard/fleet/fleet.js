// The fleet as the page knows it: every device with the newest row of each of its metrics. No page, no network.

/** Values kept of each series, for the small line in its row. */
const TRAIL_MAX = 32;
/** A device that was anomalous stays among those that are for a while: a list that jumps cannot be read. */
const ALARM_STAYS_MILLISECONDS = 15000;

const RESULTS = new Set(["normal", "anomaly", "learning", "unscored"]);

class Device {
  id;
  key;
  metrics = new Map();
  time = 0;
  isSilent = false;
  isAnomalous = false;
  isLearning = false;
  /** Its owner did not answer: what is shown is the last that was heard. */
  isUnanswered = false;
  alarmedAt = -Infinity;
  /** Goes up with every change. */
  revision = 0;
  round = 0;

  constructor(id) {
    this.id = id;
    this.key = id.toLowerCase();
  }

  /**
   * @param {number} round of the whole that is under way
   * @param {boolean} isWhole the row is of that whole, which was put together a while ago
   * @returns {boolean} whether the row says something new
   */
  take(metric, now, round, isWhole) {
    const time = Date.parse(metric.timestamp);
    if (!Number.isFinite(time)) return false;
    let row = this.metrics.get(metric.type);
    // What was heard since the last whole is newer than this one; else the whole is right, also where it is older: after a
    // deletion, or a clock that was ahead.
    const isLate = row !== undefined && (isWhole ? row.round === round && time <= row.time : time < row.time);
    if (row && isWhole) row.seen = round;
    if (isLate) return false;
    if (row && time === row.time && sameSaying(row, metric)) return false;
    if (!row) {
      row = { type: metric.type, time: -Infinity, trail: [] };
      this.#add(row);
    }
    row.seen = round;
    if (!isWhole) row.round = round;
    if (time < row.time) row.trail = [];
    if (time !== row.time) {
      row.trail.push(metric.value);
      if (row.trail.length > TRAIL_MAX) row.trail.shift();
    }
    row.time = time;
    row.value = metric.value;
    row.result = RESULTS.has(metric.result) ? metric.result : "unscored";
    row.confidence = metric.confidence;
    row.score = metric.score;
    row.model = typeof metric.model === "string" ? metric.model : "none";
    row.isSilent = metric.silent === true;
    row.reason = typeof metric.reason === "string" ? metric.reason : "";
    row.expected = range(metric.expected);
    this.judge(now);
    return true;
  }

  /** By type, as the node sorts them. */
  #add(row) {
    const rows = [...this.metrics.values(), row].sort((one, other) => (one.type < other.type ? -1 : 1));
    this.metrics = new Map(rows.map((one) => [one.type, one]));
  }

  judge(now) {
    this.isSilent = true;
    this.isAnomalous = false;
    this.isLearning = false;
    this.time = 0;
    for (const row of this.metrics.values()) {
      this.time = Math.max(this.time, row.time);
      if (!row.isSilent) this.isSilent = false;
      if (row.result === "anomaly") this.isAnomalous = true;
      if (row.result === "learning") this.isLearning = true;
    }
    if (this.isAnomalous) this.alarmedAt = now;
    this.revision += 1;
  }
}

function sameSaying(row, metric) {
  const expected = range(metric.expected);
  return (metric.silent === true) === row.isSilent && metric.result === row.result && (expected === null || (row.expected?.[0] === expected[0] && row.expected[1] === expected[1]));
}

function range(expected) {
  if (!Array.isArray(expected) || expected.length !== 2) return null;
  const [low, high] = expected;
  return Number.isFinite(low) && Number.isFinite(high) && low <= high ? expected : null;
}

export class Fleet {
  #devices = new Map();
  /** By id; sorted again when devices came. */
  #order = [];
  #isSorted = true;
  #round = 0;
  /** Kinds of metrics, and how many devices have each. */
  types = new Map();

  get size() {
    return this.#devices.size;
  }

  get(id) {
    return this.#devices.get(id);
  }

  get devices() {
    return this.#devices.values();
  }

  /** Part of an answer that tells the whole fleet; `endRound` follows the last part. */
  takeDevices(devices, now, changed) {
    for (const answer of devices) {
      const device = this.#known(answer.device_id);
      device.round = this.#round;
      if (device.isUnanswered) {
        device.isUnanswered = false;
        device.revision += 1;
      }
      for (const metric of answer.metrics) this.#take(device, metric, now, true, changed);
      for (const row of [...device.metrics.values()]) if (row.seen !== this.#round) this.#forget(device, row.type, now);
    }
  }

  /** Devices that the whole does not have are gone, unless some node did not answer: then nobody knows. */
  endRound(isPartial, now) {
    for (const device of this.#devices.values()) {
      if (device.round === this.#round) continue;
      if (isPartial) {
        device.isUnanswered = true;
        device.revision += 1;
        continue;
      }
      for (const type of [...device.metrics.keys()]) this.#forget(device, type, now);
      this.#devices.delete(device.id);
      this.#isSorted = false;
    }
    this.#round += 1;
  }

  takeReadings(readings, now, changed) {
    for (const reading of readings) {
      const device = this.#known(reading.device_id);
      // Heard while a whole is on its way that was put together before it: it is no less there.
      device.round = this.#round;
      device.isUnanswered = false;
      this.#take(device, reading, now, false, changed);
    }
  }

  #take(device, metric, now, isWhole, changed) {
    const isNew = !device.metrics.has(metric.type);
    if (!device.take(metric, now, this.#round, isWhole)) return;
    if (isNew) this.types.set(metric.type, (this.types.get(metric.type) ?? 0) + 1);
    changed?.(device, device.metrics.get(metric.type));
  }

  #forget(device, type, now) {
    device.metrics.delete(type);
    device.judge(now);
    const left = (this.types.get(type) ?? 1) - 1;
    if (left > 0) this.types.set(type, left);
    else this.types.delete(type);
  }

  #known(id) {
    let device = this.#devices.get(id);
    if (!device) {
      device = new Device(id);
      device.round = this.#round;
      this.#devices.set(id, device);
      this.#isSorted = false;
    }
    return device;
  }

  counts() {
    const counts = { all: 0, online: 0, anomaly: 0, learning: 0, silent: 0 };
    for (const device of this.#devices.values()) {
      counts.all += 1;
      if (device.isSilent) counts.silent += 1;
      else counts.online += 1;
      if (device.isAnomalous) counts.anomaly += 1;
      if (device.isLearning) counts.learning += 1;
    }
    return counts;
  }

  /**
   * @param {{state: string, type: string, words: string}} filter
   * @returns {object[]} devices: the anomalous first, then by id
   */
  select({ state, type, words }, now) {
    if (!this.#isSorted) {
      this.#order = [...this.#devices.values()].sort((one, other) => (one.id < other.id ? -1 : 1));
      this.#isSorted = true;
    }
    const test = tests[state] ?? tests.all;
    const alarmed = [];
    const calm = [];
    for (const device of this.#order) {
      if (!test(device)) continue;
      if (type && !device.metrics.has(type)) continue;
      if (words && !device.key.includes(words)) continue;
      (now - device.alarmedAt < ALARM_STAYS_MILLISECONDS || device.isAnomalous ? alarmed : calm).push(device);
    }
    return alarmed.concat(calm);
  }
}

const tests = {
  all: () => true,
  online: (device) => !device.isSilent,
  silent: (device) => device.isSilent,
  anomaly: (device) => device.isAnomalous,
  learning: (device) => device.isLearning,
};
