/** The edges of the bands of |x/w| that a log can be asked for. */

/** As recorded: 0, then one digit in each of six decades, then 1. */
export const EDGES: readonly number[] = [
  0,
  ...[6, 5, 4, 3, 2, 1].flatMap((decade) =>
    Array.from({ length: 9 }, (_, digit) => Number(`${digit + 1}e-${decade}`)),
  ),
  1,
];
export const PUBLISHED: readonly number[] = [0.0001, 0.001, 0.01, 0.1];
export const EDGES_MOST = 8;

/** Ascending, each once. */
export function sorted(edges: readonly number[]): readonly number[] {
  return [...new Set(edges)].sort((one, other) => one - other);
}

/** One more: in the middle of the widest band, of those edges that are left. */
export function withOneMore(edges: readonly number[]): readonly number[] {
  const places = edges.map((edge) => EDGES.indexOf(edge));
  const ends = [-1, ...places, EDGES.length];
  let [widest, at] = [0, -1];
  for (let index = 1; index < ends.length; index += 1) {
    const [from, to] = [ends[index - 1] as number, ends[index] as number];
    if (to - from > widest) [widest, at] = [to - from, Math.floor((from + to) / 2)];
  }
  const added = EDGES[at];
  return added === undefined || widest < 2 ? edges : sorted([...edges, added]);
}
