/** What the rows of layers show, without how: cells, rows and the range of the colours. */
import type { Trend, TrendPair, TrendSnapshot } from '../../client/types';
import { formatMeasure } from '../../scales/format';
import { metricInfo } from '../../state/metrics';
import type { Axis, Metric } from '../../state/selection';

export type TrendMeasure = 'l2' | 'relative_l2';

/** A snapshot and the one before it, between their places on the axis. */
export interface TrendCell {
  readonly pair: TrendPair;
  readonly a: TrendSnapshot;
  readonly b: TrendSnapshot;
  readonly from: number;
  readonly to: number;
}

/** A layer; `index` is its place in the trend's layers. */
export interface TrendRow {
  readonly name: string;
  readonly index: number;
}

/** Below and above, colours no longer change: single outliers must not flatten the rest. */
const QUANTILES = [0.02, 0.995] as const;

/** The page's measure where the trend has it; changes of layers of any size compare by the other. */
export function measureFor(metric: Metric): TrendMeasure {
  return metric === 'l2' ? 'l2' : 'relative_l2';
}

/** Pairs with a place on the axis, in its order. */
export function cellsOn(axis: Axis, trend: Trend | null): readonly TrendCell[] {
  const cells: TrendCell[] = [];
  for (const pair of trend?.pairs ?? []) {
    const [a, b] = [trend?.snapshots[pair.a], trend?.snapshots[pair.b]];
    const [from, to] = [a && placeOf(axis, a), b && placeOf(axis, b)];
    if (a && b && from != null && to != null) cells.push({ pair, a, b, from, to });
  }
  return cells.sort((x, y) => x.to - y.to);
}

/** Indices of layers, those that changed most first. */
export function rankingOf(trend: Trend | null, measure: TrendMeasure): readonly number[] {
  const means = (trend?.layers ?? []).map((_, index) => meanOf(trend, measure, index));
  return [...means.keys()].sort((x, y) => (means[y] ?? 0) - (means[x] ?? 0) || x - y);
}

/**
 * The layers in the network's order: all of them, or the `most` that changed most, and the selected
 * one.
 */
export function rowsOf(
  trend: Trend | null,
  ranking: readonly number[],
  selected: string | null,
  most: number,
): readonly TrendRow[] {
  const rows = (trend?.layers ?? []).map((name, index) => ({ name, index }));
  if (rows.length <= most) return rows;
  const kept = new Set(ranking.slice(0, most));
  const chosen = rows.find(({ name }) => name === selected);
  if (chosen && !kept.has(chosen.index)) {
    kept.delete(ranking[most - 1] ?? -1);
    kept.add(chosen.index);
  }
  return rows.filter(({ index }) => kept.has(index));
}

/**
 * The range of the colours of these rows, which are logarithmic; null before anything is known.
 * Layers that are not shown would only flatten the others.
 */
export function colorRange(
  trend: Trend | null,
  measure: TrendMeasure,
  rows: readonly TrendRow[],
): readonly [number, number] | null {
  const values = (trend?.pairs ?? [])
    .flatMap((pair) => rows.map(({ index }) => pair[measure]?.[index] ?? null))
    .filter((value): value is number => value !== null && value > 0)
    .sort((x, y) => x - y);
  if (values.length === 0) return null;
  const [low, high] = QUANTILES.map((share) => values[Math.round(share * (values.length - 1))]);
  return (low as number) < (high as number)
    ? [low as number, high as number]
    : [(high as number) / 10, high as number];
}

/** What hatched cells are; null while there are none. */
export function hatchWords(
  cells: readonly TrendCell[],
  rows: readonly TrendRow[],
  measure: TrendMeasure,
): string | null {
  const waits = cells.some(({ pair }) => pair.state === 'waiting' || pair.state === 'computing');
  const without = cells.some(
    ({ pair }) =>
      pair.state === 'failed' ||
      (pair.state === 'done' && rows.some(({ index }) => pair[measure]?.[index] == null)),
  );
  if (waits) return without ? 'not compared (yet)' : 'not compared yet';
  return without ? 'not compared' : null;
}

export function cellWords(cell: TrendCell, row: TrendRow, measure: TrendMeasure): string {
  const { label, short } = metricInfo(measure);
  return `${row.name}, ${cell.a.label} to ${cell.b.label}: ${valueWords(cell, row, measure)} (${label}, ${short})`;
}

export function valueWords(
  { pair }: TrendCell,
  { index }: TrendRow,
  measure: TrendMeasure,
): string {
  switch (pair.state) {
    case 'waiting':
      return 'not compared yet';
    case 'computing':
      return `being compared, ${Math.round(100 * (pair.fraction ?? 0))} %`;
    case 'failed':
      return pair.problem ?? 'could not be compared';
    default:
      return formatMeasure(measure, pair[measure]?.[index] ?? null);
  }
}

/** How much of the network a pair's values cover, where that is not all. */
export function coverageWords({ compared, total }: TrendPair): string | null {
  if (total === 0 || compared >= total) return null;
  return `${((100 * compared) / total).toFixed(1)} % of the weights are compared`;
}

function meanOf(trend: Trend | null, measure: TrendMeasure, index: number): number {
  let [sum, count] = [0, 0];
  for (const pair of trend?.pairs ?? []) {
    const value = pair[measure]?.[index];
    if (value != null) [sum, count] = [sum + value, count + 1];
  }
  return count === 0 ? 0 : sum / count;
}

function placeOf(axis: Axis, snapshot: TrendSnapshot): number | null {
  return axis === 'time' ? snapshot.modified : snapshot[axis];
}
