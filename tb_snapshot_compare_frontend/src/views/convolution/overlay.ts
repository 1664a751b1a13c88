/** What lies over the map: selected filters and channel, the brushed area, pointer and cursor. */
import type { Area } from '../../state/selection';
import {
  cellsRectangle,
  type Place,
  type Projection,
  type Size,
  weightRectangle,
} from './geometry';
import { outline } from './paint';
import type { Palette } from './palette';

export interface Overlay {
  readonly projection: Projection;
  readonly size: Size;
  readonly palette: Palette;
  readonly filterRuns: readonly (readonly [number, number])[];
  /** Place of the selected channel's column or row. */
  readonly channelColumn: number | null;
  readonly channelRow: number | null;
  readonly area: Area | null;
  /** While it is drawn: cells, first and latest. */
  readonly brush: readonly [Place, Place] | null;
  /** Weights. */
  readonly pointed: Place | null;
  readonly cursor: Place | null;
  /** The cell that the card is about. */
  readonly opened: Place | null;
}

const RUNS_MOST = 400;

export function isEmpty(overlay: Overlay): boolean {
  const { filterRuns, channelColumn, channelRow, area, brush, pointed, cursor, opened } = overlay;
  const places = [channelColumn, channelRow, area, brush, pointed, cursor, opened];
  return filterRuns.length === 0 && places.every((place) => place === null);
}

export function drawOverlay(context: CanvasRenderingContext2D, overlay: Overlay): void {
  const { projection, palette, size } = overlay;
  const { map } = projection;
  const lastRow = map.rows - 1;
  const lastColumn = map.columns - 1;
  const box = (first: Place, last: Place) => projection.box(cellsRectangle(map, first, last));
  const columns = (first: number, last: number) =>
    box({ row: 0, column: first }, { row: lastRow, column: last });
  for (const [first, last] of overlay.filterRuns.slice(0, RUNS_MOST)) {
    const run = columns(first, last);
    if (run.x + run.width < 0 || run.x > size.width) continue;
    outline(context, run, palette.ink, palette, 1.25);
  }
  if (overlay.channelColumn !== null) {
    const { channelColumn } = overlay;
    outline(context, columns(channelColumn, channelColumn), palette.red, palette);
  }
  if (overlay.channelRow !== null) {
    const { channelRow } = overlay;
    const row = box({ row: channelRow, column: 0 }, { row: channelRow, column: lastColumn });
    outline(context, row, palette.red, palette);
  }
  const area = overlay.brush ? areaOf(overlay.brush) : overlay.area;
  if (area) {
    const [top, bottom] = area.rows;
    const [left, right] = area.columns;
    const chosen = box({ row: top, column: left }, { row: bottom, column: right });
    outline(context, chosen, palette.area, palette, 2, [6, 3]);
  }
  if (overlay.opened)
    outline(context, box(overlay.opened, overlay.opened), palette.ink, palette, 2);
  if (overlay.pointed) outline(context, target(overlay.pointed), palette.ink, palette, 1);
  if (overlay.cursor) outline(context, target(overlay.cursor), palette.accent, palette, 2);

  function target(weight: Place) {
    const single = projection.open;
    const cell = projection.cellOf(weight);
    const rectangle = single ? weightRectangle(weight) : cellsRectangle(map, cell);
    const { x, y, width, height } = projection.box(rectangle);
    const [wide, high] = [Math.max(4, width), Math.max(4, height)];
    return { x: x - (wide - width) / 2, y: y - (high - height) / 2, width: wide, height: high };
  }
}

export function areaOf([one, other]: readonly [Place, Place]): Area {
  const sorted = (x: number, y: number): [number, number] => (x < y ? [x, y] : [y, x]);
  return {
    rows: sorted(one.row, other.row),
    columns: sorted(one.column, other.column),
  };
}
