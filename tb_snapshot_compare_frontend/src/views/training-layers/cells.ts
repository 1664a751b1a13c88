/** The keyboard's way over a chart of lines by dumps. */

export interface Cell {
  readonly line: number;
  readonly dump: number;
}

const PAGE = 10;

/** Null for a key that does not move. */
export function movedCell(
  key: string,
  { line, dump }: Cell,
  lines: number,
  dumps: number,
): Cell | null {
  const to: Readonly<Record<string, readonly [number, number]>> = {
    ArrowLeft: [line, dump - 1],
    ArrowRight: [line, dump + 1],
    ArrowUp: [line - 1, dump],
    ArrowDown: [line + 1, dump],
    PageUp: [line - PAGE, dump],
    PageDown: [line + PAGE, dump],
    Home: [line, 0],
    End: [line, dumps - 1],
  };
  const next = to[key];
  return next ? { line: within(next[0], lines), dump: within(next[1], dumps) } : null;
}

function within(value: number, count: number): number {
  return Math.max(0, Math.min(count - 1, value));
}
