// A large fleet: a row a device, those in sight only.

import { Sparkline } from "../charts/sparkline.js";
import { clone, element, mark, say } from "../parts/dom.js";
import { number, span } from "../parts/format.js";
import { colourIndex, palette } from "../parts/theme.js";
import { VirtualList } from "../parts/virtual-list.js";

const CHIPS_MAX = 4;

export class DeviceList {
  #area;
  #rows;
  #now;
  /** How rows are drawn now: another object when sizes or colours are others. */
  #look = look();
  #abort = new AbortController();

  constructor(area, site) {
    this.#area = area;
    this.#now = site.feed.now;
    const list = element("div.rows", { role: "rowgroup" });
    const heads = ["device", "metrics", "lately", "heard"].map((text) => element("span", { role: "columnheader", text }));
    const head = element("div.rows-head", { role: "row", "aria-rowindex": "1" }, ...heads);
    const table = element("div.table", { role: "table", "aria-label": "Devices" }, element("div", { role: "rowgroup" }, head), list);
    area.replaceChildren(table);
    addEventListener("resize", () => (this.#look = look()), { signal: this.#abort.signal });
    this.#rows = new VirtualList(list, () => new DeviceRow(), (row, device) => row.show(device, this.#now, this.#look));
  }

  set items(items) {
    this.#rows.items = items;
  }

  get hasFocus() {
    return this.#rows.hasFocus;
  }

  refresh(now) {
    this.#now = now;
    this.#rows.refresh();
  }

  redraw() {
    this.#look = look();
    this.#rows.refresh();
  }

  dispose() {
    this.#abort.abort();
    this.#rows.dispose();
    this.#area.replaceChildren();
  }
}

/** The canvas of a row is 7 by 1.7 rem. */
function look() {
  const { rem, series } = palette();
  return { width: 7 * rem, height: 1.7 * rem, series };
}

class DeviceRow {
  element = clone("row-template");
  link = this.element.querySelector(".row-link");
  index = -1;
  #device = null;
  #revision = -1;
  #look = null;
  #chips = this.element.querySelector(".chips");
  #age = this.element.querySelector(".row-age");
  #state = this.element.querySelector(".row-state");
  #line = new Sparkline(this.element.querySelector("canvas"));

  show(device, now, look) {
    say(this.#age, span(Math.max(0, now - device.time)));
    if (device === this.#device && device.revision === this.#revision && look === this.#look) return;
    if (device !== this.#device) {
      this.element.dataset.device = device.id;
      this.link.textContent = device.id;
      this.link.href = `#/device/${encodeURIComponent(device.id)}`;
    }
    if (look !== this.#look) this.#line.resize(look.width, look.height);
    [this.#device, this.#revision, this.#look] = [device, device.revision, look];
    const state = device.isUnanswered ? "not answered" : device.isSilent ? "silent" : device.isAnomalous ? "anomaly" : "online";
    mark(this.element, "state", state);
    say(this.#state, state);
    const rows = [...device.metrics.values()];
    // Those with something to say first, the order else kept.
    const shown = [...rows.filter((row) => row.result === "anomaly"), ...rows.filter((row) => row.result !== "anomaly")];
    this.#showChips(shown);
    const told = shown[0];
    if (told) this.#line.draw(told.trail, look.series[colourIndex(told.type)], told.result === "anomaly" && !told.isSilent);
  }

  #showChips(rows) {
    const count = Math.min(rows.length, CHIPS_MAX);
    while (this.#chips.children.length < count) {
      this.#chips.append(element("span.chip", {}, element("span.chip-type"), " ", element("b.chip-value")));
    }
    for (let index = 0; index < this.#chips.children.length; index += 1) {
      const chip = this.#chips.children[index];
      chip.hidden = index >= count;
      if (chip.hidden) continue;
      const row = rows[index];
      mark(chip, "result", row.isSilent ? "silent" : row.result);
      say(chip.firstElementChild, row.type);
      say(chip.lastElementChild, number(row.value));
      const why = row.isSilent ? "silent" : row.result + (row.reason ? `: ${row.reason}` : "");
      if (chip.title !== why) chip.title = why;
    }
  }
}
