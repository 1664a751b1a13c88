/** The layers as a table: its columns, its order, and its text for files. */
import type { LayerDifference, LayerNode, Measures } from '../../client/types';
import type { CsvCell } from '../../render/csv';
import { formatShape } from '../../scales/format';
import { difference, METRICS } from '../../state/metrics';
import type { Metric } from '../../state/selection';

export type ColumnKey = 'order' | 'name' | 'kind' | 'shape' | 'parameters' | Metric;

export interface LayerRow {
  readonly order: number;
  readonly layer: LayerNode;
  readonly measures: Measures | null;
  readonly count: number;
}

export interface Sorting {
  readonly key: ColumnKey;
  readonly descending: boolean;
}

export function layerRows(
  layers: readonly LayerNode[],
  differences: ReadonlyMap<string, LayerDifference>,
): LayerRow[] {
  return layers.map((layer, order) => {
    const found = differences.get(layer.name);
    const known = found !== undefined && found.count > 0;
    return { order, layer, measures: known ? found.measures : null, count: found?.count ?? 0 };
  });
}

function cell(row: LayerRow, key: ColumnKey): string | number | null {
  switch (key) {
    case 'order':
      return row.order;
    case 'name':
      return row.layer.name;
    case 'kind':
      return row.layer.kind;
    case 'shape':
      return row.layer.output_shape ? formatShape(row.layer.output_shape) : null;
    case 'parameters':
      return row.layer.parameters;
    default:
      return row.measures && difference(row.measures, key);
  }
}

/** Rows without a value come last in either direction; ties keep the network's order. */
export function sortRows(rows: readonly LayerRow[], { key, descending }: Sorting): LayerRow[] {
  const direction = descending ? -1 : 1;
  const compared = (left: string | number, right: string | number): number =>
    typeof left === 'string' || typeof right === 'string'
      ? String(left).localeCompare(String(right), 'en', { numeric: true })
      : left - right;
  return [...rows].sort((left, right) => {
    const [x, y] = [cell(left, key), cell(right, key)];
    if (x === null || y === null) {
      return Number(x === null) - Number(y === null) || left.order - right.order;
    }
    return direction * compared(x, y) || left.order - right.order;
  });
}

/** What the bars of each column are shares of. */
export function largestMeasures(rows: readonly LayerRow[]): ReadonlyMap<Metric, number> {
  const values = ({ measures }: LayerRow, key: Metric) =>
    (measures && difference(measures, key)) ?? 0;
  return new Map(
    METRICS.map(({ key }) => [key, rows.reduce((top, row) => Math.max(top, values(row, key)), 0)]),
  );
}

/** Header and one row per layer: everything that is known, numbers in full. */
export function csvRows(rows: readonly LayerRow[]): CsvCell[][] {
  const counts = ['nan_a', 'nan_b', 'inf_a', 'inf_b'] as const;
  const keys = [...METRICS.map(({ key }) => key), ...counts];
  const unique = [...new Set(keys)];
  const header = ['layer', 'kind', 'output_shape', 'side', 'parameters', 'compared', ...unique];
  return [
    header,
    ...rows.map(({ layer, measures, count }) => [
      layer.name,
      layer.kind,
      layer.output_shape ? layer.output_shape.map((size) => size ?? '?').join('x') : null,
      layer.side,
      layer.parameters,
      count,
      ...unique.map((key) => measures?.[key] ?? null),
    ]),
  ];
}
