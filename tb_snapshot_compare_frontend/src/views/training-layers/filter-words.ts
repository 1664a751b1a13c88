/** What a cell of a filter chart says. */

import type { FilterSeries } from '../../client/types';
import { stepWords } from '../../elements/axis-words';
import { exact, MEASURE_VALUES, type Reading } from './words';

export interface FilterReading {
  readonly filter: number;
  readonly readings: readonly Reading[];
}

/** Of a place in the series; a cosine comes with the relative norm, which it does not tell. */
export function readFilter(
  series: FilterSeries,
  place: number,
  dump: number,
  norms: FilterSeries | null,
): FilterReading {
  const filter = series.filters[place] ?? place;
  const { measure } = series;
  const readings = [
    { label: MEASURE_VALUES[measure] ?? measure, value: exact(seriesAt(series, place, dump)) },
  ];
  const beside = norms && norms.measure !== measure ? norms.filters.indexOf(filter) : -1;
  if (norms && beside >= 0) {
    readings.push({
      label: MEASURE_VALUES[norms.measure] ?? norms.measure,
      value: exact(seriesAt(norms, beside, dump)),
    });
  }
  return { filter, readings };
}

/** Measures of how much a filter changed; others are of what it is. */
const CHANGES: ReadonlySet<string> = new Set([
  'cosine',
  'euclidean',
  'manhattan',
  'relative_l1',
  'relative_l2',
]);

/** Why there is nothing to see in a chart of filters; null where there is something. */
export function absenceOf({ measure, values }: FilterSeries): string | null {
  if (values.length === 0 || values.every(Number.isNaN)) return 'not recorded';
  if (!CHANGES.has(measure)) return null;
  const still = measure === 'cosine' ? 1 : 0;
  const moved = values.some((value) => !Number.isNaN(value) && value !== still);
  return moved ? null : 'no filter changed at any dump';
}

export function cellWords({ filter, readings }: FilterReading, step: number | undefined): string {
  const values = readings.map(({ label, value }) => `${label} ${value}`).join(', ');
  return `filter ${filter}${step === undefined ? '' : `, ${stepWords(step)}`}: ${values}`;
}

function seriesAt({ filters, values }: FilterSeries, place: number, dump: number): number {
  const dumps = filters.length === 0 ? 0 : Math.floor(values.length / filters.length);
  return dump < dumps ? (values[place * dumps + dump] as number) : Number.NaN;
}
