/** The strips above and to the left of the map: indices, and how much each channel's map differs. */
import { activationTable, type Theme } from '../../scales/color';
import type { KernelOrder } from '../../state/selection';
import type { Projection, Size } from './geometry';
import { LEFT, TOP } from './geometry';
import { type Box, hatch, outline } from './paint';
import type { Palette } from './palette';

const BAND = 14;
const GAP = 3;
const LABEL_SPACE = { across: 36, down: 22 };

export interface Strip {
  readonly side: 'top' | 'left';
  readonly projection: Projection;
  /** Of the map's part of the screen. */
  readonly size: Size;
  readonly order: KernelOrder;
  /** Stored index by place; null while it is not known, and by index. */
  readonly indices: Int32Array | null;
  /** By stored index; null without a probe image. */
  readonly values: readonly (number | null)[] | null;
  /** Places that are selected as filters, as runs. */
  readonly runs: readonly (readonly [number, number])[];
  /** The place of the selected channel. */
  readonly channel: number | null;
  /** The place under the pointer or the cursor. */
  readonly pointed: number | null;
  readonly palette: Palette;
  readonly theme: Theme;
}

interface Axis {
  readonly count: number;
  readonly offset: number;
  readonly step: number;
  readonly room: number;
}

export function drawStrip(context: CanvasRenderingContext2D, strip: Strip): void {
  const axis = axisOf(strip);
  const band = bandOf(strip, axis);
  context.fillStyle = strip.palette.skeleton;
  context.fillRect(band.x, band.y, band.width, band.height);
  if (strip.values && (strip.indices || strip.order === 'index')) drawValues(context, strip, axis);
  else hatch(context, band, strip.palette);
  for (const [first, last] of strip.runs) {
    const box = boxOf(strip, axis, first, last);
    context.fillStyle = strip.palette.ink;
    if (strip.side === 'top') context.fillRect(box.x, box.y + BAND - 3, box.width, 3);
    else context.fillRect(box.x + BAND - 3, box.y, 3, box.height);
  }
  drawLabels(context, strip, axis);
  if (strip.pointed !== null) {
    outline(
      context,
      boxOf(strip, axis, strip.pointed, strip.pointed),
      strip.palette.ink,
      strip.palette,
      1,
    );
  }
  if (strip.channel !== null) {
    outline(
      context,
      boxOf(strip, axis, strip.channel, strip.channel),
      strip.palette.red,
      strip.palette,
    );
  }
}

export function largestValue(values: readonly (number | null)[]): number {
  return values.reduce<number>((most, value) => Math.max(most, value ?? 0), 0);
}

function axisOf({ side, projection, size }: Strip): Axis {
  const { map, view, cell } = projection;
  return side === 'top'
    ? { count: map.columns, offset: view.x, step: cell.width, room: size.width }
    : { count: map.rows, offset: view.y, step: cell.height, room: size.height };
}

function bandOf(strip: Strip, { count, offset, step, room }: Axis): Box {
  const from = Math.max(0, offset);
  const length = Math.min(room, offset + count * step) - from;
  return placed(strip, from, Math.max(0, length));
}

function boxOf(strip: Strip, { offset, step }: Axis, first: number, last: number): Box {
  return placed(strip, offset + first * step, Math.max(2, (last - first + 1) * step));
}

function placed({ side }: Strip, from: number, length: number): Box {
  return side === 'top'
    ? { x: from, y: TOP - BAND - GAP, width: length, height: BAND }
    : { x: LEFT - BAND - GAP, y: from, width: BAND, height: length };
}

/** One bar per channel; where several share a pixel, the largest is seen. */
function drawValues(context: CanvasRenderingContext2D, strip: Strip, axis: Axis): void {
  const { values, indices, theme } = strip;
  if (!values) return;
  const colors = activationTable(theme);
  const most = largestValue(values) || 1;
  const { offset, step, count, room } = axis;
  const first = Math.max(0, Math.floor(-offset / step));
  const end = Math.min(count, Math.ceil((room - offset) / step));
  const together = Math.max(1, Math.floor(1 / step));
  for (let place = first; place < end; place += together) {
    let value: number | null = null;
    for (let at = place; at < Math.min(end, place + together); at += 1) {
      const own = values[indices?.[at] ?? at] ?? null;
      if (own !== null && (value === null || own > value)) value = own;
    }
    if (value === null) continue;
    const box = boxOf(strip, axis, place, Math.min(end, place + together) - 1);
    context.fillStyle = colors[Math.round((value / most) * (colors.length - 1))] ?? '';
    context.fillRect(box.x, box.y, box.width + 0.3, box.height + (strip.side === 'left' ? 0.3 : 0));
  }
}

function drawLabels(context: CanvasRenderingContext2D, strip: Strip, axis: Axis): void {
  const { side, order, indices, palette } = strip;
  const { offset, step, count, room } = axis;
  const space = side === 'top' ? LABEL_SPACE.across : LABEL_SPACE.down;
  context.font = `400 10px ${palette.font}`;
  context.fillStyle = palette.muted;
  context.textBaseline = 'middle';
  context.textAlign = side === 'top' ? 'center' : 'right';
  const write = (text: string, at: number) => {
    if (side === 'top') context.fillText(text, at, 8);
    else context.fillText(text, LEFT - BAND - GAP - 4, at);
  };
  if (order !== 'index' && step < space * 0.7) {
    if (side === 'top') {
      context.textAlign = 'left';
      const from = Math.max(0, offset) + 2;
      write(order === 'difference' ? 'most changed first' : 'similar ones together', from);
    }
    return;
  }
  const every = order === 'index' ? roundStep(space / step) : 1;
  const first = Math.max(0, Math.floor(-offset / step / every) * every);
  for (let place = first; place < count; place += every) {
    const from = offset + place * step;
    if (from >= room) break;
    const at = labelPlace(from, step, room, space);
    if (at === null || at < 6 || at > room - 4) continue;
    write(String(indices?.[place] ?? place), at);
  }
}

/** The middle of a place, or of what is seen of one that is wider than its label. */
export function labelPlace(from: number, step: number, room: number, space: number): number | null {
  const middle = from + step / 2;
  if (step < space) return middle;
  const [start, end] = [Math.max(0, from), Math.min(room, from + step)];
  return end - start < Math.min(step, space / 2) ? null : (start + end) / 2;
}

/** 1, 2, 4, 8, ...: channels come in powers of two. */
function roundStep(least: number): number {
  return 2 ** Math.max(0, Math.ceil(Math.log2(least)));
}
