/**
 * What is known over the steps of a log, when the log has other steps: views find as many columns
 * as there are dumps and passes at any time. Columns of steps that are new are unknown.
 */
import type {
  FilterSeries,
  ImageHistory,
  LayerBands,
  LayerSeries,
  NotFinite,
  Training,
  TrainingClasses,
  TrainingImages,
} from '../client/types';

export type Steps = Pick<Training, 'dumps' | 'passes'>;

/** For every column of the new steps, the old one that it was; -1 where there was none. */
export type Moves = Int32Array;

/** Null where nothing moves. */
export function movesOf(before: readonly number[], after: readonly number[]): Moves | null {
  if (before.length === after.length && before.every((step, index) => step === after[index])) {
    return null;
  }
  const places = new Map(before.map((step, index) => [step, index]));
  return Int32Array.from(after, (step) => places.get(step) ?? -1);
}

type Values = Float32Array | Float64Array | Int32Array;

/** Rows of columns of `depth` values; of values that are no whole rows the rest is left out. */
export function respread<T extends Values>(
  values: T,
  columns: number,
  moves: Moves,
  fill: number,
  depth = 1,
): T {
  const rows = columns === 0 ? 0 : Math.floor(values.length / (columns * depth));
  const spread = new (values.constructor as new (length: number) => T)(rows * moves.length * depth);
  spread.fill(fill);
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < moves.length; column += 1) {
      const old = moves[column] as number;
      if (old < 0) continue;
      const from = (row * columns + old) * depth;
      spread.set(
        values.subarray(from, from + depth) as never,
        (row * moves.length + column) * depth,
      );
    }
  }
  return spread;
}

export function respreadSeries(value: LayerSeries, before: Steps, after: Steps): LayerSeries {
  const moves = movesOf(before.dumps, after.dumps);
  if (moves === null) return value;
  const { values, depth } = value;
  const columns = before.dumps.length;
  const notFinite = respreadCounts(value.notFinite, columns, moves);
  return { ...value, values: respread(values, columns, moves, Number.NaN, depth), notFinite };
}

function respreadCounts(value: NotFinite | null, columns: number, moves: Moves): NotFinite | null {
  return (
    value && {
      some: respread(value.some, columns, moves, 0),
      of: respread(value.of, columns, moves, 0),
    }
  );
}

export function respreadBands(value: LayerBands, before: Steps, after: Steps): LayerBands {
  const moves = movesOf(before.dumps, after.dumps);
  if (moves === null) return value;
  const depth = value.edges.length + 1;
  const columns = before.dumps.length;
  const notFinite = respreadCounts(value.notFinite, columns, moves);
  return { ...value, values: respread(value.values, columns, moves, Number.NaN, depth), notFinite };
}

export function respreadFilters(value: FilterSeries, before: Steps, after: Steps): FilterSeries {
  const moves = movesOf(before.dumps, after.dumps);
  if (moves === null) return value;
  return { ...value, values: respread(value.values, before.dumps.length, moves, Number.NaN) };
}

export function respreadClasses(
  value: TrainingClasses,
  before: Steps,
  after: Steps,
): TrainingClasses {
  const moves = movesOf(before.passes, after.passes);
  if (moves === null) return value;
  const columns = before.passes.length;
  const real = (values: Float32Array) => respread(values, columns, moves, Number.NaN);
  const counts = (values: Int32Array) => respread(values, columns, moves, 0);
  return {
    ...value,
    error: real(value.error),
    modelError: real(value.modelError),
    left: counts(value.left),
    right: counts(value.right),
    modelLeft: counts(value.modelLeft),
    modelRight: counts(value.modelRight),
  };
}

export function respreadImages(value: TrainingImages, before: Steps, after: Steps): TrainingImages {
  const moves = movesOf(before.passes, after.passes);
  if (moves === null) return value;
  const columns = before.passes.length;
  return {
    ...value,
    predicted: respread(value.predicted, columns, moves, -1),
    probability: respread(value.probability, columns, moves, Number.NaN),
  };
}

export function respreadHistory(value: ImageHistory, before: Steps, after: Steps): ImageHistory {
  const moves = movesOf(before.passes, after.passes);
  if (moves === null) return value;
  const moved = (row: readonly (number | null)[]) =>
    Array.from(moves, (old) => (old < 0 ? null : (row[old] ?? null)));
  return { ...value, predicted: moved(value.predicted), probability: moved(value.probability) };
}
