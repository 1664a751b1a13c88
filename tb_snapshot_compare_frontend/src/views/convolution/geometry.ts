/** From weights of the map to pixels of the screen and back, and from places to cells. */
import type { KernelMap } from '../../client/types';
import type { View } from '../../render/camera';
import { isOpen, mapSize, type Rectangle } from '../../render/tiles-grid';
import type { MapView } from '../../state/selection';

export interface Size {
  readonly width: number;
  readonly height: number;
}

interface Point {
  readonly x: number;
  readonly y: number;
}

/** A cell by its place on the map. */
export interface Place {
  readonly row: number;
  readonly column: number;
}

/** Height and width of the strips' labels and bands, above and to the left of the map. */
export const TOP = 34;
export const LEFT = 54;
/** A map of single weights is drawn at most this much longer than wide. */
const LONGEST = 3;
/** Maps of larger cells are stretched beyond this, but little: a slice stays to be recognised. */
const LONGEST_OF_CELLS = 24;
const CELL_STRETCH_MOST = 6;
/** A weight in the largest view, in CSS pixels. */
const LARGEST_WEIGHT = 72;

/**
 * The map's extent in units of the camera. Weights are squares, but a long map is stretched
 * across, so that a vector is a bar code and not a line.
 */
export function extentOf(map: KernelMap): Size {
  const { rows, columns } = mapSize(map);
  const single = map.cell_rows * map.cell_columns === 1;
  const longest = single ? LONGEST : LONGEST_OF_CELLS;
  const most = single ? Number.POSITIVE_INFINITY : CELL_STRETCH_MOST;
  const stretched = (side: number, other: number) =>
    Math.max(side, Math.min(side * most, other / longest));
  return { width: stretched(columns, rows), height: stretched(rows, columns) };
}

/** How the map lies on its part of the screen, in CSS pixels. */
export class Projection {
  readonly weight: Size;
  readonly rows: number;
  readonly columns: number;

  constructor(
    readonly map: KernelMap,
    readonly view: View,
  ) {
    const extent = extentOf(map);
    const { rows, columns } = mapSize(map);
    this.rows = rows;
    this.columns = columns;
    this.weight = {
      width: (extent.width / columns) * view.scale,
      height: (extent.height / rows) * view.scale,
    };
  }

  /** Whether cells show their weights. */
  get open(): boolean {
    return isOpen(this.map, this.weight);
  }

  get cell(): Size {
    return {
      width: this.weight.width * this.map.cell_columns,
      height: this.weight.height * this.map.cell_rows,
    };
  }

  /** The weight at a point; null outside of the map. */
  weightAt(x: number, y: number): Place | null {
    const row = Math.floor((y - this.view.y) / this.weight.height);
    const column = Math.floor((x - this.view.x) / this.weight.width);
    const outside = row < 0 || column < 0 || row >= this.rows || column >= this.columns;
    return outside ? null : { row, column };
  }

  cellOf({ row, column }: Place): Place {
    return {
      row: Math.floor(row / this.map.cell_rows),
      column: Math.floor(column / this.map.cell_columns),
    };
  }

  /** Of weights, in CSS pixels of the map's part of the screen. */
  box({ top, left, bottom, right }: Rectangle): Size & { readonly x: number; readonly y: number } {
    return {
      x: this.view.x + left * this.weight.width,
      y: this.view.y + top * this.weight.height,
      width: (right - left) * this.weight.width,
      height: (bottom - top) * this.weight.height,
    };
  }

  /** The weights on a screen of this size. */
  seen({ width, height }: Size): Rectangle {
    const { view, weight } = this;
    return {
      top: Math.max(0, Math.floor(-view.y / weight.height)),
      left: Math.max(0, Math.floor(-view.x / weight.width)),
      bottom: Math.min(this.rows, Math.ceil((height - view.y) / weight.height)),
      right: Math.min(this.columns, Math.ceil((width - view.x) / weight.width)),
    };
  }
}

/** The weights of cells from one to another place, both inclusive. */
export function cellsRectangle(map: KernelMap, first: Place, last: Place = first): Rectangle {
  return {
    top: Math.min(first.row, last.row) * map.cell_rows,
    left: Math.min(first.column, last.column) * map.cell_columns,
    bottom: (Math.max(first.row, last.row) + 1) * map.cell_rows,
    right: (Math.max(first.column, last.column) + 1) * map.cell_columns,
  };
}

export function weightRectangle({ row, column }: Place): Rectangle {
  return { top: row, left: column, bottom: row + 1, right: column + 1 };
}

/** The scale at which the whole map is seen. */
export function fitScale(extent: Size, viewport: Size): number {
  return Math.min(viewport.width / extent.width, viewport.height / extent.height);
}

/** The largest scale: a weight, however it is stretched, stays smaller than the screen. */
export function largestScale(map: KernelMap, fit: number): number {
  const extent = extentOf(map);
  const { rows, columns } = mapSize(map);
  const stretch = Math.min(extent.width / columns, extent.height / rows);
  return Math.max(fit, LARGEST_WEIGHT / stretch);
}

export function sharedView(view: View, extent: Size, viewport: Size): MapView | null {
  const fit = fitScale(extent, viewport);
  const zoom = view.scale / fit;
  if (zoom < 1.001) return null;
  const share = (offset: number, room: number, size: number) =>
    Math.min(1, Math.max(0, (room / 2 - offset) / (size * view.scale)));
  return {
    x: share(view.x, viewport.width, extent.width),
    y: share(view.y, viewport.height, extent.height),
    zoom,
  };
}

export function cameraView({ x, y, zoom }: MapView, extent: Size, viewport: Size): View {
  const scale = fitScale(extent, viewport) * zoom;
  return {
    scale,
    x: viewport.width / 2 - x * extent.width * scale,
    y: viewport.height / 2 - y * extent.height * scale,
  };
}

/** The place of every stored index. */
export function inverse(order: Int32Array): Int32Array {
  const places = new Int32Array(order.length);
  for (let place = 0; place < order.length; place += 1) places[order[place] as number] = place;
  return places;
}

/** Neighbouring numbers as runs, both ends inclusive; `numbers` ascend. */
export function runsOf(numbers: readonly number[]): [number, number][] {
  const runs: [number, number][] = [];
  for (const number of numbers) {
    const last = runs.at(-1);
    if (last && number === last[1] + 1) last[1] = number;
    else runs.push([number, number]);
  }
  return runs;
}

export function isInside({ row, column }: Place, area: Rectangle): boolean {
  return row >= area.top && row < area.bottom && column >= area.left && column < area.right;
}

/** The part of a box that lies on the screen, as a style. */
export function boxStyle(box: Size & Point, room: Size | null) {
  const x = Math.max(0, Math.min(room?.width ?? box.x, box.x));
  const y = Math.max(0, Math.min(room?.height ?? box.y, box.y));
  return { left: `${x}px`, top: `${y}px`, width: `${box.width}px`, height: `${box.height}px` };
}

/** The weight, or where weights are not open its cell, in pixels of the viewport. */
export function screenBox(projection: Projection, weight: Place, surface: Element | null) {
  const around = surface?.getBoundingClientRect();
  if (!around) return null;
  const rectangle = projection.open
    ? weightRectangle(weight)
    : cellsRectangle(projection.map, projection.cellOf(weight));
  const { x, y, width, height } = projection.box(rectangle);
  return { x: x + around.left, y: y + around.top, width, height };
}

/** How far the strips are moved to lie at the edges of a map that leaves room around it. */
export function stripsAt({ x, y }: Pick<View, 'x' | 'y'>): Point {
  return { x: Math.max(0, Math.round(x)), y: Math.max(0, Math.round(y)) };
}

/** A channel's part of a strip, in pixels of the viewport. */
export function stripBox(
  { view, cell }: Projection,
  { side, place }: { readonly side: 'top' | 'left'; readonly place: number },
  surface: Element | null,
) {
  const around = surface?.getBoundingClientRect();
  if (!around) return null;
  if (side === 'top') {
    const x = around.left + view.x + place * cell.width;
    return { x, y: around.top - TOP + stripsAt(view).y, width: cell.width, height: TOP };
  }
  const y = around.top + view.y + place * cell.height;
  return { x: around.left - LEFT + stripsAt(view).x, y, width: LEFT, height: cell.height };
}
