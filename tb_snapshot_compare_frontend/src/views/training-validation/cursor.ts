/** The place in the rows that the keyboard holds, and where keys move it. */
import { nextMark, type Triangle } from './anomalies';
import type { Line } from './lines';

export interface Cursor {
  readonly key: string;
  readonly pass: number;
  /** Of an opened class: the row of an image; null is the class itself. */
  readonly row: number | null;
}

const LONG_STEP = 10;
const PAGE = 10;

export interface Ground {
  readonly lines: readonly Line[];
  /** First and last pass of a line's run in sight. */
  readonly sight: (line: Line) => readonly [first: number, last: number];
  /** The pass of a line's run at the step of another line's. */
  readonly across: (pass: number, from: Line, to: Line) => number;
  readonly marks: (line: Line) => readonly Triangle[];
}

/** The cursor, or the nearest one that there still is. */
export function heldCursor(cursor: Cursor | null, { lines, sight }: Ground): Cursor | null {
  const line = lines.find(({ key }) => key === cursor?.key) ?? lines[0];
  if (!line) return null;
  const [first, last] = sight(line);
  const pass = Math.min(last, Math.max(first, cursor?.pass ?? last));
  const row = line.key === cursor?.key ? cursor.row : null;
  return { key: line.key, pass, row: rowWithin(line, row) };
}

function rowWithin(line: Line, row: number | null): number | null {
  if (line.kind !== 'images' || row === null || line.images === 0) return null;
  return Math.min(line.images - 1, Math.max(0, row));
}

/** Where a key moves the cursor; null for keys that move nothing. */
export function moveCursor(
  cursor: Cursor,
  key: string,
  { ctrl, shift }: { readonly ctrl: boolean; readonly shift: boolean },
  ground: Ground,
): Cursor | null {
  const line = ground.lines.find(({ key: known }) => known === cursor.key);
  if (!line) return null;
  const [first, last] = ground.sight(line);
  const toRow = (moved: Cursor): Cursor => {
    const to = ground.lines.find(({ key: known }) => known === moved.key) ?? line;
    return to === line ? moved : { ...moved, pass: ground.across(cursor.pass, line, to) };
  };
  const toPass = (pass: number): Cursor => ({
    ...cursor,
    pass: Math.min(last, Math.max(first, pass)),
  });
  const stride = ctrl || shift ? LONG_STEP : 1;
  switch (key) {
    case 'ArrowLeft':
      return toPass(cursor.pass - stride);
    case 'ArrowRight':
      return toPass(cursor.pass + stride);
    case 'Home':
      return ctrl ? toRow(edge(cursor, ground.lines[0])) : toPass(first);
    case 'End':
      return ctrl ? toRow(edge(cursor, ground.lines.at(-1))) : toPass(last);
    case 'ArrowUp':
      return toRow(byRows(cursor, -stride, ground.lines));
    case 'ArrowDown':
      return toRow(byRows(cursor, stride, ground.lines));
    case 'PageUp':
      return toRow(byRows(cursor, -PAGE, ground.lines));
    case 'PageDown':
      return toRow(byRows(cursor, PAGE, ground.lines));
    case '.':
    case ',':
      return toMark(cursor, key === '.' ? 1 : -1, ground);
    default:
      return null;
  }
}

function edge(cursor: Cursor, line: Line | undefined): Cursor {
  return line ? { ...cursor, key: line.key, row: null } : cursor;
}

/** Images count as rows below their class. */
function byRows(cursor: Cursor, by: number, lines: readonly Line[]): Cursor {
  let place = lines.findIndex(({ key }) => key === cursor.key);
  let row = cursor.row ?? -1;
  for (let left = Math.abs(by); left > 0; left -= 1) {
    const line = lines[place] as Line;
    if (by > 0) {
      if (row + 1 < imagesIn(line)) row += 1;
      else if (place + 1 < lines.length) [place, row] = [place + 1, -1];
    } else if (row >= 0) row -= 1;
    else if (place > 0) {
      place -= 1;
      row = imagesIn(lines[place] as Line) - 1;
    }
  }
  return { ...cursor, key: (lines[place] as Line).key, row: row < 0 ? null : row };
}

function imagesIn(line: Line): number {
  return line.kind === 'images' ? line.images : 0;
}

function toMark(cursor: Cursor, direction: 1 | -1, { lines, sight, marks }: Ground): Cursor {
  const line = lines.find(({ key }) => key === cursor.key);
  if (!line) return cursor;
  const [first, last] = sight(line);
  const inSight = marks(line).filter(({ pass }) => pass >= first && pass <= last);
  const pass = nextMark(inSight, cursor.pass, direction);
  return pass === null ? cursor : { ...cursor, pass };
}
