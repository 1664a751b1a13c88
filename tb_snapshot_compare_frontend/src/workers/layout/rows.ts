/** Packing a sequence of cells into rows that read from left to right, like lines of text. */

export interface RowCell {
  readonly width: number;
  /** Whether nothing follows it in its row, as with a group that itself has several rows. */
  readonly last: boolean;
}

/** Rows filled one after the other; an oversized cell gets its own. */
function fill(cells: readonly RowCell[], gap: number, room: number): number[][] {
  const rows: number[][] = [];
  let used = Number.POSITIVE_INFINITY;
  cells.forEach(({ width, last }, index) => {
    const row = rows.at(-1);
    if (row && (width === 0 || used + gap + width <= room)) {
      row.push(index);
      used += gap + width;
    } else {
      rows.push([index]);
      used = width;
    }
    if (last) used = Number.POSITIVE_INFINITY;
  });
  return rows;
}

/**
 * Indices of the cells in each row. No more rows than filling them needs, and these of as equal a
 * width as can be.
 */
export function packRows(cells: readonly RowCell[], gap: number, room: number): number[][] {
  const rows = fill(cells, gap, room);
  if (rows.length < 2) return rows;
  let low = Math.max(...cells.map(({ width }) => width));
  let high = room;
  while (high - low > 1) {
    const middle = (low + high) / 2;
    if (fill(cells, gap, middle).length <= rows.length) high = middle;
    else low = middle;
  }
  return fill(cells, gap, Math.max(low, high));
}
