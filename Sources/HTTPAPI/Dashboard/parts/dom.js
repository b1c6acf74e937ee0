// Elements out of values. Everything that came from a device or a node becomes text, never markup.

/**
 * @param {string} tag such as `p`, or `p.name.other`
 * @param {object} properties `text`, `title`, …; `on` for listeners, `data` for data attributes, the rest as attributes
 */
export function element(tag, properties = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const made = document.createElement(name);
  if (classes.length > 0) made.className = classes.join(" ");
  return filled(made, properties, children);
}

function filled(made, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "text") made.textContent = value;
    else if (name === "on") for (const [event, listener] of Object.entries(value)) made.addEventListener(event, listener);
    else if (name === "data") Object.assign(made.dataset, value);
    else made.setAttribute(name, value === true ? "" : String(value));
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

const said = new WeakMap();

/** Sets a text only where it is another than was said here before: an unchanged page costs nothing. */
export function say(element, text) {
  if (said.get(element) === text) return;
  said.set(element, text);
  element.textContent = text;
}

/** The same of a data attribute. */
export function mark(element, name, value) {
  const text = String(value);
  if (element.dataset[name] !== text) element.dataset[name] = text;
}

export function clone(id) {
  return document.getElementById(id).content.firstElementChild.cloneNode(true);
}
