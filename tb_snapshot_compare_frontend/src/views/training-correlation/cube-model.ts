/** What the faces of the cube show. */
import { computed, signal } from '@preact/signals';
import type { Correlation } from '../../client/types';
import { accuracyColors } from '../../scales/accuracy';
import { missingColor, sequentialTable } from '../../scales/color';
import { columnsOf, stepScale } from '../../scales/steps';
import { latest } from '../../state/resources';
import * as state from '../../state/training';
import { miniSetSeries, trainingClasses } from '../../state/training-data';
import { type CubeSize, type Projection, projectionOf, timeWidth } from './cube-projection';
import { filterShares, heatLine, heatTable, spansOf } from './heat';
import { type Bounds, detailedLayout, type Layout } from './layout';
import * as model from './model';
import type { PaintColors } from './paint';

/** Of the room, for the classes; so many pixels at most, since the top face is as high. */
const DEPTH_SHARE = 0.42;
const DEPTH_MOST = 440;
const BOUNDS: Bounds = { least: 3, most: 18, filters: 200 };

export const cubeLayout = computed<Layout | null>(() => {
  const known = model.known.value;
  if (known === null || state.correlationForm.value !== 'cube') return null;
  const depth = Math.min(DEPTH_MOST, model.room.value * DEPTH_SHARE);
  return detailedLayout(known, depth, BOUNDS);
});

export const size = computed<CubeSize>(() => {
  const layout = cubeLayout.value;
  const depth = layout?.width ?? 0;
  return { time: timeWidth(model.room.value, depth), layers: layout?.height ?? 0, depth };
});

/** From 0, flat, to 1, oblique. */
export const obliqueness = signal(0);
export const projection = computed(() => projectionOf(size.value, obliqueness.value));

export const scale = computed(() =>
  stepScale(state.steps.value, state.shownRange.value, size.value.time),
);
const ratio = () => window.devicePixelRatio || 1;

export const changeColors = computed(() => sequentialTable(model.theme.value));
/** From error 0 to 1: blue is correct, orange wrong, as in the validation view. */
export const errorColors = computed(() => accuracyColors(model.theme.value).toReversed());

/** Lines of pixels, one below the other, as a picture that is drawn line by line. */
export interface Heat {
  readonly canvas: HTMLCanvasElement;
  /** Which line is whose: `layer filter` or a class's place. */
  readonly lines: ReadonlyMap<string, number>;
}

export const filterKey = (layer: string, filter: number) => `${layer} ${filter}`;

/** The first and the last dump in sight. */
const dumpsInSight = computed<readonly [first: number, last: number]>(() => {
  const columns = columnsOf(state.dumps.value, scale.value);
  return [columns[0]?.index ?? 0, columns.at(-1)?.index ?? 0];
});

export const changes = computed<Heat | null>(() => {
  const [layout, known] = [cubeLayout.value, model.known.value];
  if (layout === null || known === null) return null;
  const entries: [string, Float32Array][] = [];
  const sight = dumpsInSight.value;
  for (const { layer, row } of layout.rows) {
    const series = latest(miniSetSeries.value.get(layer) ?? { status: 'idle' });
    if (series === null) continue;
    for (const filter of known.rows[row]?.sets.flatMap(({ filters }) => filters) ?? []) {
      const shares = filterShares(series, filter, sight);
      if (shares) entries.push([filterKey(layer, filter), shares]);
    }
  }
  return heatOf(entries, state.dumps.value, changeColors.value);
});

export const errors = computed<Heat | null>(() => {
  const [layout, answer] = [cubeLayout.value, latest(trainingClasses.value)];
  if (layout === null || answer === null) return null;
  const passes = answer.modelError.length;
  const entries = layout.columns.map(({ place, classIndex }): [string, Float32Array] => [
    String(place),
    answer.error.subarray(classIndex * passes, (classIndex + 1) * passes),
  ]);
  return heatOf(entries, state.passes.value, errorColors.value);
});

function heatOf(
  entries: readonly (readonly [string, Float32Array])[],
  steps: readonly number[],
  colors: readonly string[],
): Heat | null {
  const width = Math.round(size.value.time * ratio());
  if (entries.length === 0 || width === 0) return null;
  const spans = spansOf(columnsOf(steps, scale.value), width, ratio());
  const table = heatTable(colors, missingColor(model.theme.value));
  const pixels = new Uint32Array(width * entries.length);
  entries.forEach(([, shares], line) => {
    heatLine(pixels.subarray(line * width, (line + 1) * width), spans, shares, table);
  });
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [width, entries.length];
  const bytes = new Uint8ClampedArray(pixels.buffer);
  canvas.getContext('2d')?.putImageData(new ImageData(bytes, width, entries.length), 0, 0);
  return { canvas, lines: new Map(entries.map(([key], line) => [key, line])) };
}

/** Everything that is painted. */
export interface CubeScene {
  readonly known: Correlation;
  readonly layout: Layout;
  readonly size: CubeSize;
  readonly projection: Projection;
  readonly changes: Heat | null;
  readonly errors: Heat | null;
  readonly colors: PaintColors;
  readonly edge: string;
  readonly flat: boolean;
}

const EDGE_TONE = 0.43;

export function sceneOf(known: Correlation, layout: Layout): CubeScene {
  const table = sequentialTable(model.theme.value);
  return {
    known,
    layout,
    size: size.value,
    projection: projection.value,
    changes: changes.value,
    errors: errors.value,
    colors: model.colors.value,
    edge: table[Math.round(EDGE_TONE * (table.length - 1))] as string,
    flat: obliqueness.value === 0,
  };
}
