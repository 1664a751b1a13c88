/** The filter strip's bars: which filters each stands for, and how high it is. */
import type { FilterMeasures } from '../../client/types';
import type { Metric } from '../../state/selection';
import type { FilterOrder } from '../../state/view-choice';

export interface Bar {
  /** Filters in this bar; more than one where there are more filters than pixels. */
  readonly filters: readonly number[];
  /** The filter with the largest value; the first where none has one. */
  readonly top: number;
  /** Its value; NaN where undefined. */
  readonly value: number;
}

/** Narrower bars cannot be told apart. */
const LEAST_WIDTH = 2;

/** One value per filter, larger is more different. */
export function filterValues({ measures }: FilterMeasures, metric: Metric): Float64Array {
  const values = measures[metric];
  return metric === 'cosine' ? values.map((value) => 1 - value) : values;
}

export function largest(values: Float64Array): number {
  let top = 0;
  for (const value of values) if (value > top) top = value;
  return top;
}

/** Filters from left to right; those without a value come last by difference. */
export function filterOrder(values: Float64Array, order: FilterOrder): number[] {
  const filters = Array.from(values, (_, index) => index);
  if (order === 'index') return filters;
  const rank = (filter: number): number => {
    const value = values[filter] as number;
    return Number.isNaN(value) ? Number.NEGATIVE_INFINITY : value;
  };
  return filters.sort((left, right) => rank(right) - rank(left) || left - right);
}

/** One bar per filter, or as many as `width` px can show, each as high as its largest filter. */
export function barsOf(values: Float64Array, order: readonly number[], width: number): Bar[] {
  const count = Math.max(1, Math.min(order.length, Math.floor(width / LEAST_WIDTH)));
  return Array.from({ length: order.length === 0 ? 0 : count }, (_, bar) => {
    const from = Math.floor((bar * order.length) / count);
    const filters = order.slice(from, Math.floor(((bar + 1) * order.length) / count));
    let top = filters[0] as number;
    for (const filter of filters)
      if (!((values[top] as number) >= (values[filter] as number)) && !Number.isNaN(values[filter]))
        top = filter;
    return { filters, top, value: values[top] as number };
  });
}

/** Which of five equal steps of the largest value: 0 for 0-20 % to 4 for 80-100 %. */
export function stepOf(value: number, top: number): number {
  return top > 0 ? Math.min(4, Math.max(0, Math.floor((value / top) * 5))) : 0;
}

/** The chosen filters after a click: alone, added or removed (`toggle`). */
export function withFilters(
  chosen: readonly number[],
  filters: readonly number[],
  how: 'replace' | 'toggle' | 'add',
): number[] {
  const ascending = (set: Iterable<number>): number[] => [...set].sort((x, y) => x - y);
  if (how === 'add') return ascending(new Set([...chosen, ...filters]));
  const all = filters.every((filter) => chosen.includes(filter));
  if (how === 'replace') {
    return all && chosen.length === filters.length ? [] : ascending(new Set(filters));
  }
  if (all) return chosen.filter((filter) => !filters.includes(filter));
  return ascending(new Set([...chosen, ...filters]));
}
