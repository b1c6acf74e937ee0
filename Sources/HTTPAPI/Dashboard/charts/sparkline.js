// A line as small as a word: the shape of the last values, no axes.

import { faded, palette } from "../parts/theme.js";
import { drawable, valueScale } from "./value-scale.js";

export class Sparkline {
  #context;
  #width = 0;
  #height = 0;
  #canvas;

  constructor(canvas) {
    this.#canvas = canvas;
    this.#context = canvas.getContext("2d");
  }

  /** In CSS pixels. Told, not looked up: to ask the page for a size while it changes makes it lay out each time. */
  resize(width, height) {
    const ratio = Math.min(devicePixelRatio || 1, 2);
    [this.#width, this.#height] = [width, height];
    this.#canvas.width = Math.round(width * ratio);
    this.#canvas.height = Math.round(height * ratio);
    this.#context.setTransform(ratio, 0, 0, ratio, 0, 0);
  }

  draw(values, colour, isAlarm) {
    const context = this.#context;
    context.clearRect(0, 0, this.#width, this.#height);
    if (values.length < 2) return;
    let low = Infinity;
    let high = -Infinity;
    for (const value of values) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
    const { min, span } = valueScale(drawable(low), drawable(high), 0);
    const x = (index) => 2 + (index * (this.#width - 6)) / (values.length - 1);
    const y = (value) => this.#height - 3 - ((drawable(value) - min) / span) * (this.#height - 6);
    context.beginPath();
    values.forEach((value, index) => (index ? context.lineTo(x(index), y(value)) : context.moveTo(x(index), y(value))));
    context.strokeStyle = faded(colour, 0.85);
    context.lineWidth = 1.4;
    context.lineJoin = "round";
    context.stroke();
    const last = values.length - 1;
    context.beginPath();
    context.arc(x(last), y(values[last]), isAlarm ? 3 : 2, 0, 7);
    context.fillStyle = isAlarm ? palette().alarm : colour;
    context.fill();
  }
}
