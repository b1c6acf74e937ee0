// A list of episodes that stays the same list: what is there already keeps its element, and with it focus and click.

import { episodeItem, tellTime } from "./episode-item.js";

export class EpisodeList {
  #list;
  #options;
  /** By id: the episode as it is shown, and its element. */
  #shown = new Map();

  constructor(list, options = {}) {
    this.#list = list;
    this.#options = options;
  }

  show(episodes, now) {
    const kept = new Map();
    let place = this.#list.firstElementChild;
    for (const episode of episodes) {
      const known = this.#shown.get(episode.id);
      const item = known?.episode === episode ? known.item : episodeItem(episode, now, this.#options);
      if (known && known.item !== item && known.item.isConnected) {
        const hadFocus = known.item.contains(document.activeElement);
        if (place === known.item) place = item;
        known.item.replaceWith(item);
        if (hadFocus) item.querySelector("a")?.focus({ preventScroll: true });
      }
      if (episode.end === null) tellTime(item, episode, now);
      kept.set(episode.id, { episode, item });
      if (item === place) place = place.nextElementSibling;
      else this.#list.insertBefore(item, place);
    }
    while (place) {
      const next = place.nextElementSibling;
      place.remove();
      place = next;
    }
    this.#shown = kept;
  }
}
