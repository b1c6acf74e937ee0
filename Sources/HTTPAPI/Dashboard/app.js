// The page: asks the node, keeps the cards in step, and says honestly how old all of it is.

import { flock, LatestFeed } from "./api.js";
import { Card } from "./card.js";
import { span, wellBeing } from "./format.js";
import { hasCharts } from "./graph.js";
import { History, storage } from "./history.js";

const POLL_MILLISECONDS = 2000;
const POLL_MILLISECONDS_MAX = 10000;
const STALE_AFTER_MILLISECONDS = 6000;
const FLOCK_EVERY_MILLISECONDS = 5000;
const ANNOUNCE_EVERY_MILLISECONDS = 5000;
/** More cards than anyone looks at; the rest is one click away. */
const CARDS_STEP = 500;

const byId = (id) => document.getElementById(id);
const fleet = byId("fleet");
const feed = new LatestFeed();
const history = new History(storage());
/** Cards by device, and the devices as last heard, in the node's order. */
const cards = new Map();
let devices = [];
let filter = "all";
let cardsMax = CARDS_STEP;
let answeredAt = null;
let missing = "";
/** How far the node's clock is ahead of this machine's, in ms: ages are told by the node's. */
let clockAhead = 0;
let failures = 0;
let announcedAt = 0;
const anomalous = new Set();
const silent = new Set();
const metricTypes = [];

const sight = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) {
      const card = cards.get(entry.target.dataset.device);
      if (card) card.isVisible = entry.isIntersecting;
    }
  },
  { rootMargin: "300px" },
);

function colourIndex(type) {
  const known = metricTypes.indexOf(type);
  return known >= 0 ? known : metricTypes.push(type) - 1;
}

// What came

function take(answer) {
  missing = answer.missing;
  clockAhead = answer.clockAhead;
  if (answer.devices) {
    const heard = new Set(answer.devices.map((device) => device.device_id));
    const kept = missing ? devices.filter((device) => !heard.has(device.device_id)).map((device) => ({ ...device, unanswered: true })) : [];
    devices = [...answer.devices, ...kept];
    for (const device of answer.devices) remember(device);
    if (!missing) history.keepOnly(heard);
    render();
  }
  history.saveIfDue(Date.now());
}

function remember(device) {
  for (const metric of device.metrics) {
    const isAnomaly = metric.result === "anomaly";
    history.add(device.device_id, metric.type, Date.parse(metric.timestamp), metric.value, isAnomaly);
    const key = JSON.stringify([device.device_id, metric.type]);
    if (!isAnomaly) anomalous.delete(key);
    else if (!anomalous.has(key)) {
      anomalous.add(key);
      announce(`Anomaly: ${device.device_id}, ${metric.type}`);
    }
    if (metric.silent !== true) silent.delete(key);
    else if (!silent.has(key)) {
      silent.add(key);
      announce(`Silent: ${device.device_id}, ${metric.type}`);
    }
  }
}

function announce(text) {
  const now = Date.now();
  if (now - announcedAt < ANNOUNCE_EVERY_MILLISECONDS) return;
  announcedAt = now;
  byId("announcer").textContent = text;
}

// What is shown

const tests = {
  all: () => true,
  online: (device) => device.status !== "silent",
  silent: (device) => device.status === "silent",
  anomaly: (device) => device.metrics.some((metric) => metric.result === "anomaly"),
  learning: (device) => device.metrics.some((metric) => metric.result === "learning"),
};

function render() {
  const words = byId("search").value.trim().toLowerCase();
  const chosen = devices.filter((device) => tests[filter](device) && device.device_id.toLowerCase().includes(words));
  const shown = chosen.slice(0, cardsMax);
  showCards(shown);
  showCounts();
  showEmpty(chosen.length, words);
  byId("more").hidden = chosen.length <= shown.length;
  byId("more").textContent = `Show ${Math.min(CARDS_STEP, chosen.length - shown.length)} more of ${chosen.length}`;
}

function showCards(shown) {
  const ids = new Set(shown.map((device) => device.device_id));
  for (const [id, card] of cards) {
    if (ids.has(id)) continue;
    sight.unobserve(card.element);
    card.dispose();
    cards.delete(id);
  }
  let place = fleet.firstElementChild;
  for (const device of shown) {
    let card = cards.get(device.device_id);
    if (!card) {
      card = new Card(device.device_id, history, colourIndex);
      cards.set(device.device_id, card);
    }
    if (card.element === place) place = place.nextElementSibling;
    else fleet.insertBefore(card.element, place);
    card.show(device);
    if (device.unanswered) card.markUnanswered();
    card.tick(Date.now() + clockAhead);
    sight.observe(card.element);
  }
}

function showCounts() {
  for (const button of document.querySelectorAll(".count")) {
    const count = devices.filter(tests[button.dataset.filter]).length;
    button.querySelector("b").textContent = String(count);
    button.classList.toggle("raised", button.dataset.filter === "anomaly" && count > 0);
    button.classList.toggle("muted", count === 0);
    button.setAttribute("aria-pressed", String(button.dataset.filter === filter));
  }
  const alarms = devices.filter(tests.anomaly).length;
  document.title = alarms > 0 ? `(${alarms}) Starling` : "Starling";
}

function showEmpty(count, words) {
  const box = byId("empty");
  box.hidden = count > 0 || answeredAt === null;
  if (box.hidden) return;
  const isFiltered = devices.length > 0;
  box.querySelector(".empty-title").textContent = isFiltered ? "None of the devices" : "No device is active";
  box.querySelector(".empty-detail").textContent = isFiltered
    ? words
      ? "No id contains what you are looking for."
      : "No device is in this state now."
    : `Point devices at ${location.origin}/data: each one shows up here with its first reading.`;
}

function showFreshness(now) {
  const line = byId("freshness");
  const text = byId("freshness-text");
  const age = answeredAt === null ? null : now - answeredAt;
  if (age === null) {
    line.dataset.state = failures > 0 ? "stale" : "waiting";
    text.textContent = failures > 0 ? "the node does not answer, trying again" : "asking the node…";
  } else if (failures > 0 || age > STALE_AFTER_MILLISECONDS) {
    line.dataset.state = "stale";
    text.textContent = `data is ${span(age)} old${failures > 0 ? ": the node does not answer" : ""}`;
  } else if (missing) {
    line.dataset.state = "partial";
    text.textContent = `no answer from ${missing}: some values may be older`;
  } else {
    line.dataset.state = "live";
    text.textContent = age < 1500 ? "live" : `live, ${span(age)} ago`;
  }
}

// What goes on

async function poll() {
  try {
    const answer = await feed.poll();
    const isNew = answer.devices !== null;
    answeredAt = Date.now();
    failures = 0;
    take(answer);
    if (isNew) beat();
  } catch {
    failures += 1;
  }
  showFreshness(Date.now());
}

function beat() {
  const line = byId("freshness");
  line.classList.remove("beat");
  void line.offsetWidth;
  line.classList.add("beat");
}

async function pollForEver() {
  for (;;) {
    await poll();
    const wait = Math.min(POLL_MILLISECONDS * 2 ** Math.min(failures, 4), POLL_MILLISECONDS_MAX);
    await new Promise((resume) => setTimeout(resume, failures ? wait : POLL_MILLISECONDS));
  }
}

async function showFlock() {
  const view = await flock();
  if (view === null) return;
  const { text, isWell } = wellBeing(view.members);
  byId("node").textContent = view.node;
  byId("flock").textContent = text;
  byId("flock").classList.toggle("unwell", !isWell);
}

async function showFlockForEver() {
  for (;;) {
    await showFlock();
    await new Promise((resume) => setTimeout(resume, FLOCK_EVERY_MILLISECONDS));
  }
}

function choose(button) {
  filter = button.dataset.filter === filter ? "all" : button.dataset.filter;
  cardsMax = CARDS_STEP;
  render();
}

document.querySelectorAll(".count").forEach((button) => button.addEventListener("click", () => choose(button)));
byId("search").addEventListener("input", () => {
  cardsMax = CARDS_STEP;
  render();
});
byId("more").addEventListener("click", () => {
  cardsMax += CARDS_STEP;
  render();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => cards.forEach((card) => card.redraw()));
addEventListener("pagehide", () => history.save(Date.now()));
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "hidden") history.save(Date.now());
});

document.body.dataset.charts = hasCharts ? "on" : "off";
byId("charts-missing").hidden = hasCharts;
setInterval(() => {
  const now = Date.now();
  showFreshness(now);
  for (const card of cards.values()) card.tick(now + clockAhead);
}, 1000);
showFlockForEver();
pollForEver();
