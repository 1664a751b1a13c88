/** Lines that are cut where they leave the chart, and marks at its edges where they do. */

/** In pixels; y is below 0 above the chart, and greater than its height below it. */
export type Point = readonly [x: number, y: number];

/** The line goes on so far beyond the edge, so that its end is not seen. */
const OVER = 8;
const MARK_WIDTH = 3;
const MARK_HEIGHT = 3;

/** Of pieces that do not hang together. A point that is alone is one, for round ends. */
export function cutPath(pieces: readonly (readonly Point[])[], height: number): string {
  return pieces.map((piece) => cutPiece(piece, height)).join('');
}

/** As the Layers' lines have them: a bar at the edge that a value lies beyond. */
export function beyondPath(pieces: readonly (readonly Point[])[], height: number): string {
  return pieces.flatMap((piece) => barsOf(piece, height)).join('');
}

export function isBeyond([, y]: Point, height: number): boolean {
  return y < 0 || y > height;
}

function cutPiece(piece: readonly Point[], height: number): string {
  const [only] = piece;
  if (only && piece.length === 1) return isBeyond(only, height) ? '' : `M${written(only)}h0`;
  let path = '';
  let pen: Point | null = null;
  for (const [index, to] of piece.entries()) {
    const from = piece[index - 1];
    const part = from && within(from, to, -OVER, height + OVER);
    if (!part) continue;
    if (pen !== part[0]) path += `M${written(part[0])}`;
    path += `L${written(part[1])}`;
    pen = part[1];
  }
  return path;
}

/** The part of a segment between two heights; its ends are the very points where they lie there. */
function within(
  from: Point,
  to: Point,
  top: number,
  bottom: number,
): readonly [Point, Point] | null {
  if (Math.max(from[1], to[1]) < top || Math.min(from[1], to[1]) > bottom) return null;
  const at = (y: number): Point => [
    from[0] + ((y - from[1]) / (to[1] - from[1])) * (to[0] - from[0]),
    y,
  ];
  const end = (point: Point): Point => {
    if (point[1] < top) return at(top);
    return point[1] > bottom ? at(bottom) : point;
  };
  return [end(from), end(to)];
}

/** Neighbours beyond the same edge have one bar. */
function barsOf(piece: readonly Point[], height: number): readonly string[] {
  const bars: { readonly isAbove: boolean; readonly from: number; to: number }[] = [];
  let before: Point | undefined;
  for (const point of piece) {
    const [x, y] = point;
    const last = bars.at(-1);
    if (isBeyond(point, height)) {
      const isAbove = y < 0;
      const goesOn = before && isBeyond(before, height) && last?.isAbove === isAbove;
      if (goesOn) last.to = x;
      else bars.push({ isAbove, from: x, to: x });
    }
    before = point;
  }
  return bars.map(({ isAbove, from, to }) => {
    const [left, wide] = [from - MARK_WIDTH / 2, to - from + MARK_WIDTH];
    const top = isAbove ? 0 : height - MARK_HEIGHT;
    return `M${left.toFixed(1)} ${top}h${wide.toFixed(1)}v${MARK_HEIGHT}h${(-wide).toFixed(1)}Z`;
  });
}

function written([x, y]: Point): string {
  return `${x.toFixed(1)} ${y.toFixed(1)}`;
}
