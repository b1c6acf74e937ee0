// What scores each metric: its version, how it came, how often it alarms; and the hand that changes it.

import * as api from "../live/api.js";
import { element, mark, say } from "../parts/dom.js";
import { count, moment, smallShare } from "../parts/format.js";
import { confirmed, tell } from "../parts/notice.js";

const AGAIN_MILLISECONDS = 10000;

export class ModelsPage {
  title = "Models";
  element;
  #models = null;
  #opened = null;
  #versions = [];
  #askedAt = -Infinity;
  #isAsking = false;
  #isBusy = false;
  #part;

  constructor() {
    this.#part = { said: element("p.quiet", { role: "status", text: "asking…" }), list: element("div.model-list") };
    this.element = element("div.models-page", {}, element("header.page-head", {}, element("h1", { text: "Models" }), this.#part.said), this.#part.list);
  }

  show() {
    this.#ask();
  }

  async #ask() {
    if (this.#isAsking) return;
    this.#isAsking = true;
    this.#askedAt = performance.now();
    const opened = this.#opened;
    try {
      this.#models = await api.models();
      const versions = opened ? await api.modelVersions(opened) : [];
      // Another one may have been opened meanwhile.
      if (opened === this.#opened) this.#versions = versions;
      say(this.#part.said, this.#models.length === 0 ? "No metric has a model yet: the first one is trained from its first readings." : "");
      mark(this.#part.said, "bad", false);
    } catch (error) {
      say(this.#part.said, `${this.#models ? "The list may be old" : "No list"}: ${error.message}.`);
      mark(this.#part.said, "bad", true);
    }
    this.#isAsking = false;
    this.#show();
    if (opened !== this.#opened) this.#ask();
  }

  #show() {
    // While a question stands before it, what it is about does not move.
    if (document.querySelector("dialog[open]")) return;
    const types = [...new Set((this.#models ?? []).map((model) => model.type))];
    // A list that is made anew takes the focus from under a hand: it is given back.
    const focus = document.activeElement?.dataset?.key;
    this.#part.list.replaceChildren(...types.map((type) => this.#metric(type)));
    if (focus) [...this.#part.list.querySelectorAll("[data-key]")].find((one) => one.dataset.key === focus)?.focus();
  }

  #metric(type) {
    const versions = this.#models.filter((model) => model.type === type);
    const active = versions.find((model) => model.active);
    const shadow = versions.find((model) => model.shadow);
    const isOpened = this.#opened === type;
    const facts = active
      ? [fact("trained", moment(Date.parse(active.trained_at))), fact("from readings", count(active.readings)), fact("alarm rate", smallShare(active.alarm_rate))]
      : [fact("state", "no version serves")];
    if (shadow) facts.push(fact("in the shadow", shadow.model));
    return element(
      "section.model",
      { "aria-label": type, data: { type } },
      element("header.model-head", {}, element("h2", { text: type }), element("span.model-name", { text: active?.model ?? "–" })),
      element("dl.facts", {}, ...facts),
      element(
        "div.buttons",
        {},
        this.#button(type, "train", "Train", () => this.#train(type)),
        this.#button(type, "rollback", "Roll back", () => this.#rollBack(type)),
        this.#button(type, "versions", isOpened ? "Hide versions" : "Versions", () => this.#open(type), { "aria-expanded": String(isOpened) }),
      ),
      isOpened ? this.#table(type) : null,
    );
  }

  #button(type, action, text, listener, more = {}) {
    return element("button.button", { type: "button", text, "aria-label": `${text} ${type}`, data: { key: `${action} ${type}` }, on: { click: listener }, ...more });
  }

  #table(type) {
    const rows = this.#versions.map((version) =>
      element(
        "tr",
        {},
        element("th", { scope: "row", text: String(version.version) }),
        element("td", { text: moment(Date.parse(version.trained_at)) }),
        element("td.number", { text: count(version.readings) }),
        element("td.number", { text: smallShare(version.alarm_rate) }),
        element("td", {}, version.active ? element("span.badge", { text: "active", data: { kind: "good" } }) : this.#button(type, `activate ${version.version}`, version.shadow ? "Activate (in shadow)" : "Activate", () => this.#activate(type, version.version), { "aria-label": `Activate version ${version.version} of ${type}` })),
      ),
    );
    const head = ["version", "trained", "readings", "alarm rate", ""].map((text) => element("th", { scope: "col", text }));
    return element("div.table-area", { tabindex: "0", role: "region", "aria-label": `Versions of ${type}` }, element("table", {}, element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...rows)));
  }

  #open(type) {
    this.#opened = this.#opened === type ? null : type;
    this.#versions = [];
    this.#show();
    this.#ask();
  }

  async #do(what, call) {
    if (this.#isBusy) return;
    this.#isBusy = true;
    mark(this.element, "busy", true);
    try {
      tell(await call());
    } catch (error) {
      tell(`${what} failed: ${error.message}.`, "bad");
    }
    this.#isBusy = false;
    mark(this.element, "busy", false);
    this.#ask();
  }

  async #train(type) {
    if (!(await confirmed(`Train ${type} anew?`, "From a sample of the stored readings. The new version serves only if it does not raise the alarm rate on readings it did not see.", "Train"))) return;
    this.#do("Training", async () => {
      const report = await api.trainModel(type);
      return `${report.model} was trained from ${count(report.readings)} readings${report.activated ? " and serves" : `; it does not serve: ${report.reason}`}.`;
    });
  }

  async #activate(type, version) {
    if (!(await confirmed(`Let version ${version} of ${type} serve?`, "From the next second on, every node scores with it. Roll back undoes it.", "Activate"))) return;
    this.#do("Activating", async () => `${(await api.activateModel(type, version)).model} serves.`);
  }

  async #rollBack(type) {
    if (!(await confirmed(`Roll ${type} back?`, "The version that served before serves again.", "Roll back"))) return;
    this.#do("Rolling back", async () => `${(await api.rollBackModel(type)).model} serves again.`);
  }

  changed() {}

  tick() {
    if (performance.now() - this.#askedAt >= AGAIN_MILLISECONDS && !this.#isBusy) this.#ask();
  }

  redraw() {}
  dispose() {}
}

function fact(name, value) {
  return element("div", {}, element("dt", { text: name }), element("dd", { text: value }));
}
