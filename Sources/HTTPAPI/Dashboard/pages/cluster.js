// The flock: its ring, its members, who prunes, where the readings are, what was decided.

import { drawRing } from "../charts/ring-picture.js";
import * as api from "../live/api.js";
import { element, mark, say } from "../parts/dom.js";
import { count, moment, span } from "../parts/format.js";

const AUDIT_SHOWN = 20;
const AGAIN_MILLISECONDS = 10000;
const LEDGER = [
  ["accepted", "answered 202, on a node's disk"],
  ["stored", "in the store"],
  ["pending", "on the way there"],
  ["duplicates", "sent again, stored once"],
  ["discarded", "of devices deleted meanwhile"],
  ["damaged", "unreadable on a disk"],
  ["orphaned", "in logs without a node: starling drain"],
  ["rejected", "refused, the sender was told"],
];

export class ClusterPage {
  title = "Cluster";
  element;
  #site;
  #part;
  #ring = null;
  #isAskingRing = false;
  #chosen = null;
  #askedAt = -Infinity;
  #stop;
  #abort = new AbortController();

  constructor(site) {
    this.#site = site;
    this.#part = {
      ringSaid: element("p.quiet.ring-said"),
      said: element("p.quiet", { text: "asking…" }),
      canvas: element("canvas.ring", { role: "img", "aria-label": "The ring" }),
      middle: element("div.ring-middle", { "aria-hidden": "true" }, element("b"), element("span")),
      members: element("tbody"),
      facts: element("dl.facts"),
      ledger: element("dl.ledger"),
      audit: element("ol.audit"),
      auditSaid: element("p.quiet", { text: "asking…" }),
    };
    const head = ["node", "state", "share", "devices", "address", "version", "since"].map((text) => element("th", { scope: "col", text }));
    this.element = element(
      "div.cluster-page",
      {},
      element("header.page-head", {}, element("h1", { text: "Cluster" }), this.#part.said),
      element(
        "div.cluster-grid",
        {},
        element("section.panel.ring-panel", { "aria-label": "Ring" }, element("div.ring-area", {}, this.#part.canvas, this.#part.middle, this.#part.ringSaid)),
        element("section.panel", { "aria-label": "Members" }, element("div.table-area", { tabindex: "0", role: "region", "aria-label": "Members" }, element("table.members-table", {}, element("thead", {}, element("tr", {}, ...head)), this.#part.members))),
        element("section.panel", { "aria-label": "Pruner and store" }, element("h2", { text: "Pruner and store" }), this.#part.facts),
        element("section.panel", { "aria-label": "Ledger" }, element("h2", { text: "Where every reading is" }), this.#part.ledger),
        element("section.panel.wide", { "aria-label": "Decisions" }, element("h2", { text: "What was decided" }), this.#part.audit, this.#part.auditSaid),
      ),
    );
    this.#stop = site.clusterWatch.onChange(() => this.#show());
    addEventListener("resize", () => this.#draw(), { signal: this.#abort.signal });
  }

  show() {
    this.#show();
    this.#askAudit();
  }

  async #askAudit() {
    this.#askedAt = performance.now();
    try {
      const rows = await api.audit(AUDIT_SHOWN);
      this.#part.audit.replaceChildren(...rows.map(decision));
      say(this.#part.auditSaid, rows.length === 0 ? "Nothing was hidden, deleted or restored yet." : "");
    } catch (error) {
      say(this.#part.auditSaid, `Not known: ${error.message}.`);
    }
  }

  async #askRing() {
    if (this.#isAskingRing) return;
    this.#isAskingRing = true;
    try {
      const { ring } = await api.cluster({ ring: true });
      if (Array.isArray(ring?.owners) && Array.isArray(ring.members)) this.#ring = ring;
      say(this.#part.ringSaid, this.#ring ? "" : "This node does not draw its ring.");
    } catch (error) {
      say(this.#part.ringSaid, this.#ring ? "" : `No picture: ${error.message}.`);
    }
    this.#isAskingRing = false;
    this.#draw();
  }

  #draw() {
    if (!this.#ring) return;
    const { owners, members } = this.#ring;
    // The ring has its own order of names; colours are those of the table.
    const order = this.#names;
    const places = members.map((name) => order.indexOf(name));
    drawRing(this.#part.canvas, owners.map((owner) => places[owner]), this.#chosen);
    const chosen = this.#chosen === null ? null : order[this.#chosen];
    const own = chosen === null ? owners.length : owners.filter((owner) => members[owner] === chosen).length;
    say(this.#part.middle.firstElementChild, count(own));
    say(this.#part.middle.lastElementChild, chosen === null ? `slots, ${members.length} ${members.length === 1 ? "owner" : "owners"}` : `slots of ${chosen}`);
    this.#part.canvas.setAttribute("aria-label", `The ring of ${owners.length} slots: ${members.map((name, index) => `${name} owns ${owners.filter((owner) => owner === index).length}`).join(", ")}`);
  }

  #names = [];

  #show() {
    const { view, ledger, failures } = this.#site.clusterWatch;
    if (!view) return say(this.#part.said, failures > 0 ? "The node does not answer." : "asking…");
    const here = view.members.filter((member) => member.status !== "left");
    this.#names = here.map((member) => member.name);
    say(this.#part.said, `As ${view.node} sees it${failures > 0 ? ", a while ago: the node does not answer" : ""}.`);
    this.#showMembers(here.concat(view.members.filter((member) => member.status === "left")));
    if (view.ring?.digest !== this.#ring?.digest) this.#askRing();
    this.#showFacts(view);
    this.#showLedger(ledger, view.partial);
  }

  #showMembers(members) {
    const body = this.#part.members;
    while (body.children.length > members.length) body.lastElementChild.remove();
    members.forEach((member, index) => {
      const row = body.children[index] ?? body.appendChild(this.#memberRow(index));
      const texts = [member.name, member.status, `${(member.ring_share * 100).toFixed(1)} %`, count(member.devices), member.http || member.address, member.version, moment(Date.parse(member.since))];
      mark(row, "status", member.status);
      mark(row.querySelector("i"), "series", index % 8);
      texts.forEach((text, column) => say(column === 0 ? row.querySelector(".member-name") : row.children[column], text ?? ""));
    });
  }

  #memberRow(index) {
    const choose = (chosen) => {
      if (this.#chosen === chosen) return;
      this.#chosen = chosen;
      this.#draw();
    };
    return element(
      "tr",
      { on: { pointerenter: () => choose(index < this.#names.length ? index : null), pointerleave: () => choose(null) } },
      element("th", { scope: "row" }, element("i.member-mark", { "aria-hidden": "true" }), " ", element("span.member-name")),
      element("td.member-state"), element("td.number"), element("td.number"), element("td.address"), element("td"), element("td"),
    );
  }

  #showFacts(view) {
    const { pruner, store, ring } = view;
    const lastRun = Date.parse(pruner?.last_run ?? "");
    replaceFacts(this.#part.facts, [
      ["leader", pruner?.leader ?? "nobody: no lease, or it is being sought"],
      ["fencing token", pruner?.fencing_token === null ? "–" : count(pruner?.fencing_token)],
      ["last run", Number.isFinite(lastRun) ? `${span(this.#site.feed.now - lastRun)} ago` : "not yet"],
      ["its result", pruner?.last_result ?? "–"],
      ["store", `${store?.kind ?? "–"}${store?.timescaledb && store.timescaledb !== "none" ? `, TimescaleDB (${store.timescaledb})` : ""}${store?.reachable ? "" : " – not reachable"}`],
      ["ring", `${count(ring?.slots)} slots, ${String(ring?.digest ?? "").slice(0, 8)}`],
    ]);
  }

  #showLedger(ledger, partial) {
    if (!ledger) return;
    replaceFacts(
      this.#part.ledger,
      LEDGER.map(([name, meaning]) => [name, count(ledger[name]), meaning]).concat(partial?.length ? [["without", partial.join(", "), "did not answer: the sums are too small"]] : []),
    );
  }

  changed() {}

  tick() {
    if (performance.now() - this.#askedAt >= AGAIN_MILLISECONDS) this.#askAudit();
  }

  redraw() {
    this.#draw();
  }

  dispose() {
    this.#abort.abort();
    this.#stop();
  }
}

function replaceFacts(list, facts) {
  while (list.children.length > facts.length) list.lastElementChild.remove();
  facts.forEach(([name, value, meaning], index) => {
    const row = list.children[index] ?? list.appendChild(element("div", {}, element("dt"), element("dd"), meaning === undefined ? null : element("dd.meaning")));
    say(row.children[0], name);
    say(row.children[1], value);
    if (row.children[2]) say(row.children[2], meaning ?? "");
  });
}

function decision(row) {
  const who = typeof row.device_id === "string" ? element("a.where", { href: `#/device/${encodeURIComponent(row.device_id)}`, text: row.device_id }) : null;
  return element("li.decision", { data: { decision: row.decision } }, element("time", { datetime: row.time, text: moment(Date.parse(row.time)) }), element("b", { text: String(row.decision) }), who, element("span.decision-reason", { text: String(row.reason ?? "") }));
}
