// The ring: every slot a cell in the colour of the node that owns it. Slots run clockwise from the top, a turn of
// sectors with some slots from the outside in, so that what is near on the ring is near in the picture.

import { palette } from "../parts/theme.js";

const SECTORS = 256;
const INNER_SHARE = 0.52;

export function drawRing(canvas, owners, chosen) {
  const size = canvas.clientWidth;
  if (!size) return;
  const ratio = Math.min(devicePixelRatio || 1, 2);
  canvas.width = size * ratio;
  canvas.height = size * ratio;
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  context.translate(size / 2, size / 2);
  const outer = size / 2 - 2;
  const inner = outer * INNER_SHARE;
  const depth = Math.ceil(owners.length / SECTORS);
  const thickness = (outer - inner) / depth;
  const turn = (2 * Math.PI) / SECTORS;
  const colours = palette();
  owners.forEach((owner, slot) => {
    const sector = Math.floor(slot / depth);
    const from = outer - (slot % depth) * thickness;
    const angle = sector * turn - Math.PI / 2;
    context.globalAlpha = chosen === null || owner === chosen ? 1 : 0.15;
    context.beginPath();
    context.arc(0, 0, from, angle, angle + turn * 0.94);
    context.arc(0, 0, from - thickness * 0.88, angle + turn * 0.94, angle, true);
    // Who left the table while the ring was asked for.
    context.fillStyle = owner < 0 ? colours.line : colours.series[owner % 8];
    context.fill();
  });
}
