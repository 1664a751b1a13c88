/** The view as files: the picture as it is on screen, and the values of what is seen. */
import type { KernelMap } from '../../client/types';
import type { Camera, View } from '../../render/camera';
import { type CsvCell, toCsv } from '../../render/csv';
import { headedSvg } from '../../render/headed-svg';
import { kernelPlaces } from '../../state/kernel';
import { latest } from '../../state/resources';
import { kernelQuantity } from '../../state/selection';
import { LEFT, Projection, stripsAt, TOP } from './geometry';
import type { MapDrawing } from './MapDrawing';
import { asShown, quantityName, type Shown, ZERO } from './quantities';
import type { Canvases } from './StagePainter';
import { storedIndex } from './words';

const CSV_MOST = 100_000;
const RAMP_STOPS = 33;

export function mapSvg(
  map: KernelMap,
  canvases: Canvases | null,
  view: View,
  shown: Shown,
): string {
  if (!canvases) throw new Error('the map is not drawn');
  const { width, height } = canvases.map.getBoundingClientRect();
  const style = getComputedStyle(canvases.map);
  const image = (canvas: HTMLCanvasElement, x: number, y: number, wide: number, high: number) =>
    `<image x="${x}" y="${y}" width="${wide}" height="${high}" href="${canvas.toDataURL()}"/>`;
  const [whole, tall] = [Math.round(width + LEFT), Math.round(height + TOP)];
  const strips = stripsAt(view);
  const ink = style.getPropertyValue('--ink').trim();
  const chart =
    `<svg xmlns="http://www.w3.org/2000/svg" width="${whole}" height="${tall}" ` +
    `viewBox="0 0 ${whole} ${tall}" font-family="Roboto, sans-serif" fill="${ink}">` +
    `<rect width="${whole}" height="${tall}" fill="${style.getPropertyValue('--card').trim()}"/>` +
    image(canvases.map, LEFT, TOP, width, height) +
    image(canvases.overlay, LEFT, TOP, width, height) +
    image(canvases.top, LEFT, strips.y, width, TOP) +
    image(canvases.left, strips.x, TOP, LEFT, height) +
    '</svg>';
  const [lower, upper] = shown.domain;
  const colors = Array.from({ length: RAMP_STOPS }, (_, index) =>
    shown.scale(lower + ((upper - lower) * index) / (RAMP_STOPS - 1)),
  );
  return headedSvg(chart, {
    title: `${map.tensor}: ${shown.label}`,
    ...(shown.isZero
      ? { legend: `${shown.label}: ${ZERO}` }
      : {
          legend: shown.unit ? `${shown.label} (${shown.unit})` : shown.label,
          ramp: { colors, from: shown.format(lower), to: shown.format(upper) },
        }),
  });
}

/**
 * The pixels on screen at the level that is on screen, up to a hundred thousand, nearest to the
 * upper left; `of rows` and `of columns` count the slices that a pixel pools.
 */
export function mapCsv(map: KernelMap, drawing: MapDrawing, camera: Camera, shown: Shown): string {
  const places = latest(kernelPlaces.peek());
  const rows: CsvCell[][] = [
    [
      map.column_word,
      map.row_word,
      'of columns',
      'of rows',
      'weight column',
      'weight row',
      quantityName(map, shown, kernelQuantity.peek()),
    ],
  ];
  const projection = new Projection(map, camera.view.peek());
  for (const pixel of drawing.pixels(projection, camera.room, CSV_MOST)) {
    const cell = projection.cellOf(pixel);
    const index = storedIndex(map, places, cell);
    const { height, width } = pixel;
    const single = height < map.cell_rows || width < map.cell_columns;
    rows.push([
      index?.column ?? cell.column,
      index?.row ?? cell.row,
      Math.max(1, width / map.cell_columns),
      Math.max(1, height / map.cell_rows),
      single ? pixel.column % map.cell_columns : null,
      single ? pixel.row % map.cell_rows : null,
      Number.isNaN(pixel.value) ? null : asShown(shown, pixel.value),
    ]);
  }
  return toCsv(rows);
}
