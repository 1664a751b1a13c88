/** The time axis as it is drawn: one scale for the head, the overlay and all charts. */
import { computed, signal } from '@preact/signals';
import { type StepScale, stepAt, stepScale } from '../../scales/steps';
import { shownRange, steps } from '../../state/training';

/** Between the edge of a section and its content. */
export const SECTION_EDGE = 1;

/** Pixels of the charts, between gutter and margin. */
export const axisWidth = signal(0);

export const axisScale = computed<StepScale>(() =>
  stepScale(steps.value, shownRange.value, axisWidth.value),
);

/** The step whose column lies at a place of the axis. */
export function stepUnder(x: number): number | null {
  return stepAt(steps.peek(), axisScale.peek(), x);
}
