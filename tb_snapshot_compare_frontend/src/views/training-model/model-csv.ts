/** The rows of the curves' download. */
import type { CsvCell } from '../../render/csv';
import { lanes } from './model';

/** One row for each logged value. */
export function curveRows(): CsvCell[][] {
  const rows: CsvCell[][] = [['quantity', 'curve', 'step', 'value']];
  for (const { kind, curves } of lanes.value) {
    for (const { label, x, y } of curves) {
      for (const [index, step] of x.entries()) rows.push([kind, label, step, y[index] ?? null]);
    }
  }
  return rows;
}
