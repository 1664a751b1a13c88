import type { Correlation } from '../../client/types';
import type { CsvCell } from '../../render/csv';

/** A line for every layer and class, and one for every occurrence of a mini-set. */
export function correlationRows(
  known: Correlation,
  detailed: boolean,
  className: (index: number) => string,
): CsvCell[][] {
  return detailed ? setRows(known, className) : countRows(known, className);
}

function countRows(known: Correlation, className: (index: number) => string): CsvCell[][] {
  const rows = known.rows.flatMap(({ layer, distinct }) =>
    known.classes.map((index, place): CsvCell[] => [layer, className(index), distinct[place] ?? 0]),
  );
  return [['layer', 'class', 'strongly_changing_filters'], ...rows];
}

function setRows(known: Correlation, className: (index: number) => string): CsvCell[][] {
  const rows = known.rows.flatMap(({ layer, sets }) =>
    sets.flatMap(({ filters, columns }, set) =>
      columns.flatMap((place): CsvCell[][] => {
        const column = known.columns[place];
        if (!column) return [];
        const { class_index, step, side, count } = column;
        return [[layer, set + 1, filters.join(' '), className(class_index), step, side, count]];
      }),
    ),
  );
  return [['layer', 'mini_set', 'filters', 'class', 'step', 'side', 'images'], ...rows];
}
