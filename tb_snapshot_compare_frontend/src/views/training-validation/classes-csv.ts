/** The error of every class at every pass, as rows of a file. */
import type { CsvCell } from '../../render/csv';
import { otherPasses, otherTitle, ownTitle } from '../../state/training-pair';
import * as model from './model';
import { otherError, otherPeak } from './other';

/** Of two runs a row for each, in columns for the passes of both. */
export function classRows(): CsvCell[][] {
  const known = model.classes.value;
  if (!known) return [];
  const own = model.passes.value;
  if (!model.isPaired.value) return [header(own), ...ownRows(own)];
  const steps = [...new Set([...own, ...otherPasses.value])].sort((one, other) => one - other);
  return [
    ['run', ...header(steps)],
    ...ownRows(steps).map((row) => [ownTitle.value, ...row]),
    ...otherRows(steps).map((row) => [otherTitle.value, ...row]),
  ];
}

function header(steps: readonly number[]): CsvCell[] {
  return ['class', 'cluster', 'largest_anomaly', ...steps.map((step) => `error_at_${step}`)];
}

function ownRows(steps: readonly number[]): CsvCell[][] {
  const known = model.classes.value;
  const cells = cellsOver(steps, model.passes.value);
  if (!known) return [];
  return [
    ['', null, null, ...cells(known.modelError)],
    ...model.order.value.map((index) => [
      model.className(index),
      clusterOf(index),
      model.peaks.value[index] ?? null,
      ...cells(model.classError(index)),
    ]),
  ];
}

/** Of the classes that the other run has too, in the clusters of this one. */
function otherRows(steps: readonly number[]): CsvCell[][] {
  const cells = cellsOver(steps, otherPasses.value);
  const whole = otherError({ kind: 'model' });
  if (whole === null) return [];
  const rows = model.order.value.flatMap((index) => {
    const error = otherError({ kind: 'class', index, level: 1 });
    if (error === null) return [];
    return [[model.className(index), clusterOf(index), otherPeak(index), ...cells(error)]];
  });
  return [['', null, null, ...cells(whole)], ...rows];
}

function clusterOf(index: number): number {
  return (model.classes.value?.cluster[index] ?? 0) + 1;
}

/** Values of passes as cells of columns: empty where there is no pass, or none is known. */
function cellsOver(steps: readonly number[], passes: readonly number[]) {
  const places = new Map(passes.map((step, place) => [step, place]));
  return (error: Float32Array): CsvCell[] =>
    steps.map((step) => {
      const value = error[places.get(step) ?? -1] ?? Number.NaN;
      return Number.isNaN(value) ? null : value;
    });
}
