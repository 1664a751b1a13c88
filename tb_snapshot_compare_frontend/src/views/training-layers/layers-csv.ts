import type { FilterSeries } from '../../client/types';
import type { CsvCell } from '../../render/csv';
import type { LayerChart } from '../../state/training';
import { type Row, valueAt } from './series';
import { bandWords } from './words';

export interface LayersTable {
  readonly chart: LayerChart;
  readonly kind: string;
  readonly statistic: string;
  readonly edges: readonly number[];
  readonly dumps: readonly number[];
  readonly rows: ReadonlyMap<string, Row>;
  readonly filters: readonly FilterSeries[];
}

const FIVE = ['minimum', 'q1', 'mean', 'q3', 'maximum'];

/** Values of filters: a spreadsheet takes about a million lines. */
export const FILTER_VALUES_MOST = 500_000;

/**
 * A line for every value on show: of units first, then of the filters of opened layers, as many as
 * there is room for.
 */
export function layersRows(table: LayersTable): CsvCell[][] {
  const names = quantities(table);
  const units = [...table.rows].flatMap(([path, row]) =>
    names.flatMap((name, part) =>
      table.dumps.map((step, dump): CsvCell[] => {
        return [path, null, step, table.kind, name, cell(valueAt(row, dump, part))];
      }),
    ),
  );
  return [['unit', 'filter', 'step', 'kind', 'quantity', 'value'], ...units, ...filterRows(table)];
}

/** The rows of several runs below each other, each with the name of its run. */
export function withRuns(
  tables: readonly (readonly [run: string, rows: readonly (readonly CsvCell[])[]])[],
): CsvCell[][] {
  const header = tables[0]?.[1][0] ?? [];
  const rows = tables.flatMap(([run, [, ...lines]]) => lines.map((line) => [run, ...line]));
  return [['run', ...header], ...rows];
}

function quantities({ chart, statistic, edges }: LayersTable): readonly string[] {
  if (chart === 'box') return FIVE;
  if (chart === 'bands') return bandWords(edges).map((band) => `share ${band}`);
  return [statistic];
}

function filterRows({ filters, dumps }: LayersTable): CsvCell[][] {
  const rows: CsvCell[][] = [];
  for (const { layer, filters: indices, measure, values } of filters) {
    const known = indices.length === 0 ? 0 : Math.floor(values.length / indices.length);
    for (const [place, filter] of indices.entries()) {
      if (rows.length + known > FILTER_VALUES_MOST) return rows;
      for (let dump = 0; dump < known; dump += 1) {
        const value = cell(values[place * known + dump]);
        rows.push([layer, filter, dumps[dump] ?? null, 'filter', measure, value]);
      }
    }
  }
  return rows;
}

/** What is not finite is an empty cell. */
function cell(value: number | undefined): number | null {
  return value !== undefined && Number.isFinite(value) ? value : null;
}
