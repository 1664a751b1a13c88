/** The view in words: intervals, read-outs, the rows of its file. */
import type { AreaDistribution, Distribution } from '../../client/types';
import type { CsvCell } from '../../render/csv';
import { formatCount, formatFraction, formatNumber } from '../../scales/format';
import type { Cell } from '../../state/selection';
import { totalOf, weightsIn } from './cells';

export interface Readout {
  readonly count: number;
  readonly change: string;
  readonly relativeChange: string;
  readonly shareOfBar: number;
  readonly shareOfAll: number;
}

/** `conv5`, or `whole model`. */
export function subject({ layer, tensor }: Pick<Distribution, 'layer' | 'tensor'>): string {
  return tensor ?? layer ?? 'whole model';
}

/** Numbers with one digit more than the bin width needs; floating-point dust is 0. */
export function edgeFormat(edges: readonly number[]): (edge: number) => string {
  const width = Math.abs((edges[1] ?? 0) - (edges[0] ?? 0));
  const largest = Math.max(...edges.map(Math.abs));
  if (!(width > 0)) return (edge) => withMinus(String(edge));
  const exponent = Math.floor(Math.log10(largest));
  const plain = exponent >= -4 && exponent < 6;
  const unit = plain ? 1 : 10 ** exponent;
  const decimals = Math.max(0, Math.min(12, 1 - Math.floor(Math.log10(width / unit))));
  const format = new Intl.NumberFormat('en-US', {
    minimumFractionDigits: decimals,
    maximumFractionDigits: decimals,
  });
  return (edge) => {
    if (Math.abs(edge) < width * 1e-6) return '0';
    const text = format.format(edge / unit);
    if (Number(text.replaceAll(',', '')) === 0) return formatNumber(edge, 2);
    return withMinus(text) + (plain ? '' : withMinus(`e${exponent}`));
  };
}

/** Half-open, the last one closed: `[−0.0094, −0.0085)`. */
export function interval(
  edges: readonly number[],
  index: number,
  format: (edge: number) => string,
): string {
  const closing = index === edges.length - 2 ? ']' : ')';
  return `[${format(edges[index] ?? 0)}, ${format(edges[index + 1] ?? 0)}${closing}`;
}

/** In percent, without the unit: `40–80`. */
export function levelRange(levelEdges: readonly number[], level: number): string {
  const percent = (index: number) => formatNumber((levelEdges[index] ?? 0) * 100, 4);
  return `${percent(level)}–${percent(level + 1)}`;
}

export function readout(distribution: Distribution, cell: Cell): Readout {
  const { bin_edges, level_edges, counts } = distribution;
  const count = counts[cell.bin]?.[cell.level] ?? 0;
  const bar = (counts[cell.bin] ?? []).reduce((sum, value) => sum + value, 0);
  const all = totalOf(counts);
  return {
    count,
    change: interval(bin_edges, cell.bin, edgeFormat(bin_edges)),
    relativeChange: interval(level_edges, cell.level, (edge) => formatFraction(edge, 5)),
    shareOfBar: bar === 0 ? 0 : count / bar,
    shareOfAll: all === 0 ? 0 : count / all,
  };
}

export function spoken(distribution: Distribution, cell: Cell, selected: boolean): string {
  const { count, change, relativeChange, shareOfBar } = readout(distribution, cell);
  const state = selected ? ', selected' : '';
  return (
    `${weights(count)}, change ${change}, relative change ${relativeChange}, ` +
    `${formatFraction(shareOfBar)} of the bar${state}`
  );
}

/** `3 cells, 12,345 weights (1.4 %)`. */
export function selectionLine(distribution: Distribution, cells: readonly Cell[]): string {
  const count = weightsIn(cells, distribution.counts);
  const share = formatFraction(count / totalOf(distribution.counts), 2);
  const noun = cells.length === 1 ? '1 cell' : `${formatCount(cells.length)} cells`;
  return `${noun}, ${weights(count)} (${share})`;
}

/** `Area: 18,432 weights, drawn × 18 (as shares of its own)`. */
export function areaLine(area: AreaDistribution, { counts }: Distribution): string {
  const factor = formatNumber(totalOf(counts) / area.total, 3);
  return `Area: ${weights(area.total)}, drawn × ${factor} to compare shares`;
}

export function excludedLine(excluded: number): string {
  return excluded === 1
    ? '1 pair with NaN or infinity is not shown'
    : `${formatCount(excluded)} pairs with NaN or infinity are not shown`;
}

export function weights(count: number): string {
  return count === 1 ? '1 weight' : `${formatCount(count)} weights`;
}

/**
 * Whether b equals a throughout. The bins run from the least to the greatest change, so both outer
 * bins hold weights; only a range without width, which the server widens, leaves all in one bin.
 */
export function nothingChanged({ bin_edges, counts }: Distribution): boolean {
  const filled = [...counts.keys()].filter((bin) => counts[bin]?.some((count) => count > 0));
  const [bin] = filled;
  if (bin === undefined || filled.length > 1) return false;
  return (bin_edges[bin] ?? 0) <= 0 && (bin_edges[bin + 1] ?? 0) >= 0;
}

export function csvRows({ bin_edges, level_edges, counts }: Distribution): CsvCell[][] {
  const rows: CsvCell[][] = [
    ['bin_lower', 'bin_upper', 'level_lower', 'level_upper', 'count', 'percent_of_bar'],
  ];
  counts.forEach((bar, bin) => {
    const total = bar.reduce((sum, count) => sum + count, 0);
    bar.forEach((count, level) => {
      rows.push([
        bin_edges[bin] ?? null,
        bin_edges[bin + 1] ?? null,
        level_edges[level] ?? null,
        level_edges[level + 1] ?? null,
        count,
        total === 0 ? null : (100 * count) / total,
      ]);
    });
  });
  return rows;
}

function withMinus(text: string): string {
  return text.replaceAll('-', '\u2212');
}
