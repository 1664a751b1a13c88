/** Where everything of an image's history lies: the strip of predictions above the curve. */
import { scaleLinear } from 'd3-scale';
import {
  type Column,
  columnsOf,
  indexAt,
  middleAt,
  type StepScale,
  stepScale,
} from '../../scales/steps';
import type { Stretch } from './history';

export const LEFT = 112;
export const RIGHT = 12;
export const STRIP_TOP = 4;
export const STRIP_HEIGHT = 18;
export const CURVE_TOP = 34;
export const CURVE_HEIGHT = 92;
export const HEIGHT = CURVE_TOP + CURVE_HEIGHT + 22;
/** Between two labels of the axis, in pixels. */
const TICK_ROOM = 96;

export interface HistoryGeometry {
  readonly scale: StepScale;
  readonly columns: readonly Column[];
  readonly width: number;
  readonly ticks: readonly number[];
}

/** All passes, whatever the page's zoom. */
export function historyGeometry(passes: readonly number[], outer: number): HistoryGeometry {
  const width = Math.max(0, outer - LEFT - RIGHT);
  const range = [passes[0] ?? 0, passes.at(-1) ?? 1] as const;
  const scale = stepScale(passes, range, width);
  const columns = columnsOf(passes, scale);
  const count = Math.max(2, Math.floor(width / TICK_ROOM));
  const ticks = scaleLinear([...range], [0, width])
    .ticks(count)
    .filter(Number.isInteger);
  return { scale, columns, width, ticks };
}

/** The middle of a pass's column. */
export function middleOfPass({ columns }: HistoryGeometry, pass: number): number {
  const column = columns[pass];
  return column ? (column.left + column.right) / 2 : 0;
}

/** Where the axis has a step. */
export function xOfStep({ scale }: HistoryGeometry, step: number): number {
  return middleAt(scale.steps, scale, step);
}

/** Within the chart, also of what is no probability: outputs of a network without a softmax. */
export function curveY(probability: number): number {
  return CURVE_TOP + (1 - Math.min(1, Math.max(0, probability))) * CURVE_HEIGHT;
}

/** All stretches of one prediction as rectangles of one path. */
export function stretchesPath(
  stretches: readonly Stretch[],
  isOf: (predicted: number | null) => boolean,
  { columns }: HistoryGeometry,
): string {
  let path = '';
  for (const { predicted, first, last } of stretches) {
    if (!isOf(predicted)) continue;
    const [left, right] = [columns[first]?.left ?? 0, columns[last]?.right ?? 0];
    path += `M${left.toFixed(2)} ${STRIP_TOP}h${(right - left).toFixed(2)}v${STRIP_HEIGHT}H${left.toFixed(2)}Z`;
  }
  return path;
}

/** The pass at a place of the chart, `x` from the left edge of its columns. */
export function passAtX(passes: readonly number[], geometry: HistoryGeometry, x: number): number {
  const pass = indexAt(passes, geometry.scale.invert(x));
  return Math.min(passes.length - 1, Math.max(0, pass));
}
