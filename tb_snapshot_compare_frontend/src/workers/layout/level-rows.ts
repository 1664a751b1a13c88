/** The rows of one level: its parts cut into cells, and the cells packed. */
import { branchCell, type Cell, type Item, singleCell } from './cell';
import { components, type Dag, sections } from './dag';
import { packRows } from './rows';

export interface PlacedCell {
  readonly cell: Cell;
  readonly x: number;
  readonly row: number;
}

export interface Row {
  readonly cells: PlacedCell[];
  readonly ascent: number;
  readonly descent: number;
  /** Whether an edge comes in from the row above. */
  readonly continued: boolean;
}

const CELL_GAP = 30;

function cellsOf(part: readonly string[], items: ReadonlyMap<string, Item>, dag: Dag): Cell[] {
  const parts = sections(dag, part);
  return parts.map((section, index) => {
    const members = section.map((id) => items.get(id) as Item);
    return members.length === 1
      ? singleCell(members[0] as Item)
      : branchCell(members, dag, index > 0, index < parts.length - 1);
  });
}

function buildRows(parts: readonly (readonly Cell[])[], linked: boolean[], room: number): Row[] {
  const rows: Row[] = [];
  parts.forEach((cells, part) => {
    const rowCells = cells.map(({ width, entry, exit }) => ({ width, last: entry !== exit }));
    packRows(rowCells, CELL_GAP, room).forEach((indices, line) => {
      let x = 0;
      const placedCells = indices.map((index) => {
        const cell = cells[index] as Cell;
        const result = { cell, x, row: rows.length };
        x += cell.width + CELL_GAP;
        return result;
      });
      rows.push({
        cells: placedCells,
        ascent: Math.max(...placedCells.map(({ cell }) => cell.entry)),
        descent: Math.max(...placedCells.map(({ cell }) => cell.height - cell.entry)),
        continued: line > 0 && (linked[part] ?? false),
      });
    });
  });
  return rows;
}

/** Layers without any link are laid out together, as an ordered grid. */
function partition(dag: Dag): { parts: string[][]; linked: boolean[] } {
  const all = components(dag);
  const connected = all.filter((part) => part.length > 1);
  const loose = all.filter((part) => part.length === 1).flat();
  const parts = loose.length > 0 ? [...connected, loose] : connected;
  return { parts, linked: parts.map((_, index) => index < connected.length) };
}

/** Rows of at most `room`, for the items of a level by id. */
export function rowsOf(dag: Dag, items: ReadonlyMap<string, Item>, room: number): Row[] {
  const { parts, linked } = partition(dag);
  const cells = parts.map((part, index) =>
    linked[index] ? cellsOf(part, items, dag) : part.map((id) => singleCell(items.get(id) as Item)),
  );
  return buildRows(cells, linked, room);
}
