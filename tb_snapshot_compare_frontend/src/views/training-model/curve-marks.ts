/** Marks on a curve, so that it is told from others by more than its colour. */
import { middleAt, type StepScale } from '../../scales/steps';
import type { ValueAxis } from './curve-geometry';
import { isBeyond, type Point } from './cut-line';
import type { LaneCurve } from './lanes';

const SPACING = 72;

/** Places of a value in the chart now and then, a fixed way apart where there are many. */
export function marksOn(
  { x, y }: LaneCurve,
  steps: readonly number[],
  scale: StepScale,
  axis: ValueAxis,
): readonly Point[] {
  const marks: Point[] = [];
  let next = 0;
  for (const [index, step] of x.entries()) {
    const value = y[index];
    const place = middleAt(steps, scale, step);
    if (place < next || place > scale.width) continue;
    if (value === null || value === undefined || !Number.isFinite(value)) continue;
    if (value <= 0 && 'base' in axis.y) continue;
    const point: Point = [place, axis.y(value)];
    if (isBeyond(point, axis.height)) continue;
    marks.push(point);
    next = (Math.floor(place / SPACING) + 1) * SPACING;
  }
  return marks;
}
