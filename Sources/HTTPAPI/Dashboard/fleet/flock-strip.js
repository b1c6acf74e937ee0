// The nodes in one line: how fast readings come, where they went, who is there, who leads.

import { Sparkline } from "../charts/sparkline.js";
import { element, mark, say } from "../parts/dom.js";
import { count, rate } from "../parts/format.js";
import { palette } from "../parts/theme.js";

const MEMBERS_SHOWN = 12;

export class FlockStrip {
  element;
  #watch;
  #part;
  #canvas;
  #line;
  #stop;
  #names = "";

  constructor(watch) {
    this.#watch = watch;
    const canvas = element("canvas.rate-line", { "aria-hidden": "true" });
    this.#canvas = canvas;
    this.#line = new Sparkline(canvas);
    this.#part = {
      rate: element("b.fact-value", { text: "–" }),
      stored: element("b.fact-value", { text: "–" }),
      ledger: element("span.fact-more", { text: " " }),
      members: element("span.members"),
      pruner: element("span.fact-more", { text: " " }),
    };
    this.element = element(
      "section.strip",
      { "aria-label": "The flock" },
      element("div.fact.rate", {}, element("span.fact-name", { text: "readings a second" }), this.#part.rate, canvas),
      element("div.fact.stored", {}, element("span.fact-name", { text: "stored" }), this.#part.stored, this.#part.ledger),
      element("div.fact.nodes", {}, element("a.fact-name", { href: "#/cluster", text: "nodes and their share" }), this.#part.members, this.#part.pruner),
    );
    this.#stop = watch.onChange(() => this.#show());
    this.#show();
  }

  #show() {
    const { view, ledger } = this.#watch;
    if (!view) return;
    say(this.#part.rate, rate(this.#watch.rate));
    this.#draw();
    say(this.#part.stored, count(ledger?.stored));
    say(this.#part.ledger, balance(ledger, view.partial));
    mark(this.#part.ledger, "bad", isLossy(ledger));
    this.#showMembers(view.members.filter((member) => member.status !== "left"));
    this.#showPruner(view.pruner ?? {});
  }

  // What it waits with stands on the page of the nodes: a person may have to approve it.
  #showPruner({ leader, last_result: result }) {
    const waits = Boolean(leader && result?.startsWith("waits: "));
    const work = waits ? `${leader} waits to prune` : `pruned by ${leader}`;
    say(this.#part.pruner, leader ? work : "nobody prunes now");
    this.#part.pruner.title = waits ? result : "";
    mark(this.#part.pruner, "bad", waits);
  }

  #showMembers(members) {
    const shown = members.slice(0, MEMBERS_SHOWN);
    const names = JSON.stringify(shown.map((member) => [member.name, member.status]));
    if (names !== this.#names) {
      this.#names = names;
      this.#part.members.replaceChildren(
        ...shown.map((member, index) =>
          element("span.member", { data: { status: member.status }, title: `${member.name}: ${member.status}` }, element("i.member-mark", { data: { series: index % 8 } }), element("span", { text: member.name }), element("b.member-share")),
        ),
      );
      if (members.length > shown.length) this.#part.members.append(element("span.member", { text: `and ${members.length - shown.length} more` }));
    }
    shown.forEach((member, index) => {
      const isHere = member.status === "alive" || member.status === "suspect";
      say(this.#part.members.children[index].lastElementChild, isHere ? `${Math.round(member.ring_share * 100)} %` : member.status);
    });
  }

  #draw() {
    const { clientWidth, clientHeight } = this.#canvas;
    this.#line.resize(clientWidth, clientHeight);
    this.#line.draw(this.#watch.trail, palette().accent, false);
  }

  redraw() {
    this.#draw();
  }

  dispose() {
    this.#stop();
  }
}

const isLossy = (ledger) => Boolean(ledger && (ledger.damaged > 0 || ledger.orphaned > 0));

function balance(ledger, partial) {
  if (!ledger) return " ";
  if (partial?.length) return `without ${partial.join(", ")}, which did not answer`;
  const parts = [`of ${count(ledger.accepted)} accepted`];
  if (ledger.pending > 0) parts.push(`${count(ledger.pending)} on the way`);
  for (const name of ["duplicates", "discarded", "damaged", "orphaned", "rejected"]) {
    if (ledger[name] > 0) parts.push(`${count(ledger[name])} ${name}`);
  }
  return parts.join(", ");
}
