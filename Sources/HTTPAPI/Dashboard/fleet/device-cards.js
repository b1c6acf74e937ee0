// A small fleet: a card a device, with its metrics and their last minutes.

import { element } from "../parts/dom.js";
import { count } from "../parts/format.js";
import { Card } from "./card.js";

/** More cards than anyone looks at; the rest is one click away. */
const STEP = 60;
/** Of a frame's sixteen. */
const DRAWING_MILLISECONDS = 6;

export class DeviceCards {
  #area;
  #history;
  #backfill;
  #grid = element("div.fleet");
  #more = element("button.more", { type: "button", hidden: true, on: { click: () => this.#showMore() } });
  #cards = new Map();
  #items = [];
  #max = STEP;
  #sight;
  #now = 0;
  #stale = new Set();
  #frame = 0;

  constructor(area, site) {
    this.#area = area;
    this.#history = site.history;
    this.#backfill = site.backfill;
    this.#sight = new IntersectionObserver((entries) => this.#see(entries), { rootMargin: "300px" });
    area.replaceChildren(this.#grid, this.#more);
    this.#now = site.feed.now;
  }

  #see(entries) {
    for (const entry of entries) {
      const card = this.#cards.get(entry.target.dataset.device);
      if (!card) continue;
      card.isVisible = entry.isIntersecting;
      if (entry.isIntersecting) this.#backfill.want(card.device, () => this.#stale.add(card));
    }
  }

  #showMore() {
    this.#max += STEP;
    this.items = this.#items;
  }

  set items(items) {
    this.#items = items;
    const shown = items.slice(0, this.#max);
    const ids = new Set(shown.map((device) => device.id));
    // A card that is moved loses the focus.
    const focused = this.#grid.contains(document.activeElement) ? document.activeElement : null;
    for (const [id, card] of this.#cards) if (!ids.has(id)) this.#remove(id, card);
    let place = this.#grid.firstElementChild;
    for (const device of shown) {
      let card = this.#cards.get(device.id);
      // It was gone and came back: another device of the same name.
      if (card && card.device !== device) {
        this.#remove(device.id, card);
        card = undefined;
      }
      card ??= this.#add(device);
      if (card.element === place) place = place.nextElementSibling;
      else this.#grid.insertBefore(card.element, place);
    }
    focused?.focus({ preventScroll: true });
    this.#more.hidden = items.length <= shown.length;
    this.#more.textContent = `Show ${Math.min(STEP, items.length - shown.length)} more of ${count(items.length)}`;
    this.refresh(this.#now);
  }

  #add(device) {
    const card = new Card(device, this.#history);
    this.#cards.set(device.id, card);
    this.#sight.observe(card.element);
    return card;
  }

  #remove(id, card) {
    this.#sight.unobserve(card.element);
    card.dispose();
    this.#cards.delete(id);
  }

  get hasFocus() {
    return this.#grid.contains(document.activeElement);
  }

  refresh(now) {
    this.#now = now;
    for (const card of this.#cards.values()) if (card.show(now)) this.#stale.add(card);
    if (this.#stale.size > 0 && !this.#frame) this.#frame = requestAnimationFrame(() => this.#draw());
  }

  /** As many charts a frame as leave it time for a finger. */
  #draw() {
    this.#frame = 0;
    const end = performance.now() + DRAWING_MILLISECONDS;
    for (const card of this.#stale) {
      this.#stale.delete(card);
      if (this.#cards.get(card.id) === card) card.draw();
      if (performance.now() >= end) break;
    }
    if (this.#stale.size > 0) this.#frame = requestAnimationFrame(() => this.#draw());
  }

  redraw() {
    for (const card of this.#cards.values()) card.redraw();
  }

  dispose() {
    cancelAnimationFrame(this.#frame);
    this.#sight.disconnect();
    for (const [id, card] of this.#cards) this.#remove(id, card);
    this.#area.replaceChildren();
  }
}
