// Off the page's thread: listens to the stream, asks for the whole now and then, and tells the page in small portions,
// so that a large fleet never keeps the page from answering a finger.

import { LatestPoll } from "./latest.js";
import { isEpisode, isReading } from "./shapes.js";
import { Stream } from "./stream.js";

/** The stream tells what changed; the whole is asked for at times, since what is hidden or deleted is told by nobody. */
const WHOLE_EVERY_MILLISECONDS = 15000;
/** Of a large fleet the whole costs the node and the page something. */
const LARGE_FLEET = 2000;
const WHOLE_EVERY_MILLISECONDS_LARGE = 60000;
/** Without a stream. */
const POLL_EVERY_MILLISECONDS = 2000;
const POLL_EVERY_MILLISECONDS_MAX = 10000;
const TICK_MILLISECONDS = 250;
/** Devices, and readings, in one message to the page: some milliseconds of its time. */
const DEVICES_STEP = 250;
const READINGS_STEP = 500;
/** Alarms beside the newest rows, and episodes, told at once: what does not fit is in `/history` and `/anomalies`. */
const ALARMS_MAX = 5000;
const EPISODES_MAX = 250;

const poll = new LatestPoll();
let isAsking = false;
let askedAt = -Infinity;
let failures = 0;
let fleetSize = 0;
let isToAskAgain = false;
/** The newest of each series, and every alarm before it, in the order they came. */
let held = new Map();
let alarms = [];
let heldEpisodes = [];

const stream = new Stream({
  opened(isFirst) {
    // Whatever was missed comes with the resync; the first time there is nothing to take up.
    if (isFirst) isToAskAgain = true;
    tell();
  },
  heard() {
    postMessage({ kind: "heard", at: Date.now() });
  },
  events(events) {
    for (const { name, data } of events) {
      const value = parsed(data);
      if (name === "reading" && isReading(value)) {
        const series = `${value.device_id}\n${value.type}`;
        // An alarm between two looks is shown, though a calm reading came after it.
        const before = held.get(series);
        if (before?.result === "anomaly" && alarms.length < ALARMS_MAX) alarms.push(before);
        held.delete(series);
        held.set(series, value);
      } else if (name === "anomaly" && isEpisode(value)) heldEpisodes.push(value);
    }
  },
  closed: tell,
});

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function post(kind, values) {
  postMessage({ kind, values });
}

function tell() {
  postMessage({ kind: "state", isStreaming: stream.isOpen, failures: stream.isOpen ? 0 : Math.max(failures, stream.failures) });
}

function flush() {
  // Alarms that were followed by another reading of their series come first: they are the older ones.
  const readings = [...alarms, ...held.values()];
  [held, alarms] = [new Map(), []];
  for (let start = 0; start < readings.length; start += READINGS_STEP) post("readings", readings.slice(start, start + READINGS_STEP));
  if (heldEpisodes.length > 0) {
    post("episodes", heldEpisodes.slice(-EPISODES_MAX));
    heldEpisodes = [];
  }
}

function isDue(now) {
  if (isAsking) return false;
  if (isToAskAgain) return true;
  if (stream.isOpen && failures === 0) return now - askedAt >= (fleetSize > LARGE_FLEET ? WHOLE_EVERY_MILLISECONDS_LARGE : WHOLE_EVERY_MILLISECONDS);
  return now - askedAt >= Math.min(POLL_EVERY_MILLISECONDS_MAX, POLL_EVERY_MILLISECONDS * 2 ** Math.min(failures, 3));
}

async function ask() {
  isAsking = true;
  isToAskAgain = false;
  try {
    const answer = await poll.ask();
    failures = 0;
    postMessage({ kind: "heard", at: Date.now(), clockAhead: answer.clockAhead });
    if (answer.devices) {
      fleetSize = answer.devices.length;
      // What was held is older than the answer or in it.
      flush();
      for (let start = 0; start < fleetSize; start += DEVICES_STEP) post("devices", answer.devices.slice(start, start + DEVICES_STEP));
      postMessage({ kind: "whole", missing: answer.missing });
    } else {
      postMessage({ kind: "unchanged", missing: answer.missing });
    }
  } catch {
    failures += 1;
  }
  askedAt = performance.now();
  isAsking = false;
  tell();
}

setInterval(() => {
  flush();
  if (isDue(performance.now())) ask();
}, TICK_MILLISECONDS);
ask();
stream.run();
