/** Lines that are cut where they leave the chart, and marks at its edges where they do. */

/** In pixels; y is below 0 above the chart, and greater than its height below it. */
export type Point = readonly [x: number, y: number];

/** The line goes on so far beyond the edge, so that its end is not seen. */
const OVER = 8;
/** A bar is as wide as the line is away, but so wide at least. */
const MARK_WIDTH = 3;
const MARK_HEIGHT = 3;

/** Of pieces that do not hang together. A point that is alone is one, for round ends. */
export function cutPath(pieces: readonly (readonly Point[])[], height: number): string {
  return pieces.map((piece) => cutPiece(piece, height)).join('');
}

/** As the Layers' lines have them: bars at the edge that values lie beyond. */
export function beyondPath(pieces: readonly (readonly Point[])[], height: number): string {
  return pieces.flatMap((piece) => barsOf(piece, height)).join('');
}

export function isBeyond(point: Point, height: number): boolean {
  return edgeOf(point, height) !== null;
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
  const end = (point: Point): Point => {
    if (point[1] < top) return [crossing(from, to, top), top];
    return point[1] > bottom ? [crossing(from, to, bottom), bottom] : point;
  };
  return [end(from), end(to)];
}

/** Where a segment between points above and below a height is at that height. */
function crossing(from: Point, to: Point, y: number): number {
  return from[0] + ((y - from[1]) / (to[1] - from[1])) * (to[0] - from[0]);
}

/** From where the line leaves the chart to where it comes back. */
function barsOf(piece: readonly Point[], height: number): readonly string[] {
  const bars: string[] = [];
  let left: number | null = null;
  for (const [index, point] of piece.entries()) {
    const edge = edgeOf(point, height);
    if (edge === null) continue;
    const [before, after] = [piece[index - 1], piece[index + 1]];
    const goesOn = after !== undefined && edgeOf(after, height) === edge;
    left ??= before ? crossing(before, point, edge) : point[0];
    if (goesOn) continue;
    bars.push(barPath(left, after ? crossing(point, after, edge) : point[0], edge));
    left = null;
  }
  return bars;
}

/** The edge that a point lies beyond. */
function edgeOf([, y]: Point, height: number): number | null {
  if (y < 0) return 0;
  return y > height ? height : null;
}

function barPath(from: number, to: number, edge: number): string {
  const width = Math.max(MARK_WIDTH, to - from);
  const left = (from + to - width) / 2;
  const across = width.toFixed(1);
  return `M${left.toFixed(1)} ${edge === 0 ? 0 : edge - MARK_HEIGHT}h${across}v${MARK_HEIGHT}h-${across}Z`;
}

function written([x, y]: Point): string {
  return `${x.toFixed(1)} ${y.toFixed(1)}`;
}
