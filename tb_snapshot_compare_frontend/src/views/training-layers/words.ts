/** What the view calls things. */
import type { TrainingUnit } from '../../client/types';
import { stepWords } from '../../elements/axis-words';
import { formatCount, formatFraction, formatNumber } from '../../scales/format';
import type { FilterScale, LayerChart, LayerKind } from '../../state/training';
import { extentOf } from './extents';
import { unitName } from './names';
import { hasValues, notFiniteAt, type Row, valueAt } from './series';

export const KINDS: Readonly<Record<LayerKind, string>> = {
  weight: 'Weights',
  update: 'Updates',
  gradient: 'Gradients',
  moment1: 'First moments',
  moment2: 'Second moments',
};

export const CHARTS: readonly { readonly value: LayerChart; readonly label: string }[] = [
  { value: 'horizon', label: 'Horizon' },
  { value: 'line', label: 'Line' },
  { value: 'box', label: 'Box plot' },
  { value: 'bands', label: 'Change ratio' },
];

export const SCALES: readonly { readonly value: FilterScale; readonly label: string }[] = [
  { value: 'filter', label: 'Per filter' },
  { value: 'dump', label: 'Per dump' },
  { value: 'all', label: 'Global' },
];

/** Statistics over the parameters of a unit at a dump; the server divides L1 and L2 by their number. */
export const STATISTICS: Readonly<Record<string, string>> = {
  l1: 'Mean magnitude (L1)',
  l2: 'L2 ∕ parameters',
  sum: 'Sum',
  mean: 'Mean',
  std: 'Standard deviation',
  variance: 'Variance',
  maximum: 'Maximum',
  median: 'Median',
  minimum: 'Minimum',
  q1: 'First quartile',
  q3: 'Third quartile',
};

/** Others can be negative. */
const UNSIGNED: ReadonlySet<string> = new Set(['l1', 'l2', 'std', 'variance']);

export function isSigned(statistic: string): boolean {
  return !UNSIGNED.has(statistic);
}

/** Measures of a filter, most of them from the dump before to this one. */
export const MEASURES: Readonly<Record<string, string>> = {
  cosine: '1 − cosine similarity',
  euclidean: 'Euclidean distance ‖Δw‖₂',
  manhattan: 'Manhattan distance ‖Δw‖₁',
  relative_l1: 'Relative change ‖Δw‖₁ ∕ ‖w‖₁',
  relative_l2: 'Relative change ‖Δw‖₂ ∕ ‖w‖₂',
  w_l2: 'Norm of the weights ‖w‖₂',
  w_std: 'Standard deviation of the weights',
  g_l1: 'Norm of the gradient ‖g‖₁',
  g_l2: 'Norm of the gradient ‖g‖₂',
  g_relative_l1: 'Gradient to weights ‖g‖₁ ∕ ‖w‖₁',
  g_relative_l2: 'Gradient to weights ‖g‖₂ ∕ ‖w‖₂',
};

/** As the read-out names them: the cosine itself, where the colours tell 1 − cosine. */
export const MEASURE_VALUES: Readonly<Record<string, string>> = {
  ...MEASURES,
  cosine: 'Cosine similarity',
};

export const SCALE_ENDS: Readonly<Record<FilterScale, string>> = {
  filter: 'largest of its filter',
  dump: 'largest of its dump',
  all: 'largest of the layer',
};

/** The kinds and the statistic of a chart: `mean magnitude (L1) of gradients`. */
export function quantityOf(chart: LayerChart, kind: LayerKind, statistic: string): string {
  const of = KINDS[kind].toLowerCase();
  if (chart === 'box') return `spread of ${of}`;
  if (chart === 'bands')
    return `${of} relative to weights, |${kind === 'update' ? 'Δw' : 'g'} ∕ w|`;
  return `${lowered(STATISTICS[statistic] ?? statistic)} of ${of}`;
}

function lowered(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

export function parametersOf({ parameters }: TrainingUnit): string {
  return formatCount(parameters, { compact: true });
}

/** `conv1, 512 filters, 2.36 M parameters`. */
export function unitWords(unit: TrainingUnit): string {
  const filters = unit.filters > 0 ? `, ${countOf(unit.filters, 'filter')}` : '';
  return `${unitName(unit.path)}${filters}, ${parametersOf(unit)} parameters`;
}

export function countOf(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** Ends of each band of |x/w|, smallest first. */
export function bandWords(edges: readonly number[]): readonly string[] {
  const text = edges.map(edgeWords);
  const between = text
    .slice(1)
    .map((upper, index) => (edges[index] === 0 ? `up to ${upper}` : `${text[index]} – ${upper}`));
  const first = edges[0] === 0 ? 'unchanged' : `up to ${text[0]}`;
  return [first, ...between, `above ${text.at(-1)}`];
}

/** Edges have one digit: `0.0001`, `2e−5`. */
export function edgeWords(edge: number): string {
  return edge >= 1e-4 || edge === 0 ? String(edge) : formatNumber(edge, 1);
}

export interface Reading {
  readonly label: string;
  readonly value: string;
}

/** What a row's chart says at a dump. */
export function readingsAt(
  chart: LayerChart,
  row: Row,
  dump: number,
  label: string,
  edges: readonly number[],
): readonly Reading[] {
  const value = (part: number) => valueAt(row, dump, part);
  const unknown = notFiniteAt(row, dump) > 0 ? 'none finite' : 'not known';
  const read = (part: number) => (Number.isNaN(value(part)) ? unknown : exact(value(part)));
  if (chart === 'bands') {
    return bandWords(edges)
      .map((band, part) => ({ label: band, value: formatFraction(finite(value(part))) }))
      .toReversed();
  }
  if (chart === 'box') {
    return ['Minimum', 'First quartile', 'Mean', 'Third quartile', 'Maximum']
      .map((name, part) => ({ label: name, value: read(part) }))
      .toReversed();
  }
  return [{ label, value: read(0) }];
}

export interface Shown {
  readonly chart: LayerChart;
  readonly kind: LayerKind;
  readonly statistic: string;
}

/** `1,024 of 1,056 weights are NaN or infinite; the mean is of the others`; null where none is. */
export function notFiniteWords(row: Row, dump: number, shown: Shown): string | null {
  const some = notFiniteAt(row, dump);
  if (some === 0) return null;
  const of = row.notFinite?.of[dump] ?? some;
  const what = KINDS[shown.kind].toLowerCase();
  if (some === of) return `all ${formatCount(of)} ${what} are NaN or infinite`;
  const are = some === 1 ? 'is' : 'are';
  return `${formatCount(some)} of ${formatCount(of)} ${what} ${are} NaN or infinite; ${ofOthers(shown)} of the others`;
}

function ofOthers({ chart, statistic }: Shown): string {
  if (chart === 'box') return 'the spread is';
  if (chart === 'bands') return 'the shares are';
  return `the ${lowered(STATISTICS[statistic] ?? statistic)} is`;
}

/** For screen readers: where a row's values lie, and where the greatest is. */
export function summaryOf(
  chart: LayerChart,
  row: Row | null,
  dumps: readonly number[],
  edges: readonly number[],
): string {
  if (row === null) return 'not read yet';
  if (!hasValues(row)) return 'not recorded';
  return [finiteSummary(chart, row, dumps, edges), ...notFiniteSummary(row, dumps)].join('; ');
}

function finiteSummary(
  chart: LayerChart,
  row: Row,
  dumps: readonly number[],
  edges: readonly number[],
): string {
  if (chart === 'bands') return bandSummary(row, dumps, edges);
  const all = extentOf(row);
  if (all === null) return 'nowhere finite';
  const size = row.depth;
  const place = row.values.indexOf(all.high);
  const peak = dumps[Math.floor(place / size)];
  const at = peak === undefined ? '' : `, greatest at ${stepWords(peak)}`;
  return `from ${exact(all.low)} to ${exact(all.high)}${at}`;
}

function notFiniteSummary(row: Row, dumps: readonly number[]): readonly string[] {
  const struck = dumps.filter((_, dump) => notFiniteAt(row, dump) > 0);
  const [first] = struck;
  if (first === undefined) return [];
  return [
    `some NaN or infinite at ${countOf(struck.length, 'dump')}, first at ${stepWords(first)}`,
  ];
}

function bandSummary(row: Row, dumps: readonly number[], edges: readonly number[]): string {
  const last = row.depth - 1;
  let [most, at] = [-1, 0];
  for (let dump = 0; dump < row.dumps; dump += 1) {
    const share = valueAt(row, dump, last);
    if (share > most) [most, at] = [share, dump];
  }
  if (most < 0) return 'nowhere known';
  const step = dumps[at];
  const where = step === undefined ? '' : ` at ${stepWords(step)}`;
  return `at most ${formatFraction(most)} ${bandWords(edges).at(-1)}${where}`;
}

/** Five digits; what is not finite is said. */
export function exact(value: number): string {
  return Number.isNaN(value) ? 'not known' : formatNumber(value, 5);
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
