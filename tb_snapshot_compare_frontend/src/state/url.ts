/**
 * The selection as address keys and back. Whatever the address says, what comes out is within
 * bounds: an address may be edited, cut short or written by somebody else.
 */
import { batch } from '@preact/signals';
import {
  applyKernel,
  currentKernel,
  decodeKernel,
  encodeKernel,
  type KernelChoice,
} from './kernel-url';
import { METRICS } from './metrics';
import { applyProbing, currentProbing, type ProbingChoice } from './probing-choice';
import { decodeProbing, encodeProbing, readChannel, writeChannel } from './probing-url';
import type { Axis, Cell, Channel, Metric, Shade, ViewId } from './selection';
import * as selection from './selection';
import { applyTraining, currentTraining, decodeTraining } from './training-url';
import { applyViews, currentViews, decodeViews, encodeViews, type ViewChoice } from './view-choice';

/** As in the server's limits. */
export const BINS_MIN = 2;
export const BINS_MAX = 512;
export const LEVELS_MIN = 1;
export const LEVELS_MAX = 32;
const BINS_DEFAULT = 20;
const LEVELS_DEFAULT = 5;
const TEXT_MAX = 1024;
const FILTER_MAX = 1_000_000;
const FILTERS_MAX = 4096;
const CELLS_MAX = BINS_MAX * LEVELS_MAX;
const GROUPS_MAX = 512;
const VIEWS: readonly ViewId[] = [
  'timeline',
  'network',
  'distribution',
  'convolution',
  'performance',
];
const SHADES: readonly Shade[] = ['measure', 'carried'];
const AXES: readonly Axis[] = ['epoch', 'step', 'time'];

export type Keys = Readonly<Record<string, string>>;

/** What the address holds, one field per signal of `selection`. */
export interface Shared {
  readonly a: string | null;
  readonly b: string | null;
  readonly run: string | null;
  readonly metric: Metric;
  readonly layer: string | null;
  readonly tensor: string | null;
  readonly filters: readonly number[];
  readonly bins: number;
  readonly levels: number;
  readonly hidden: readonly number[];
  readonly cells: readonly Cell[];
  readonly channel: Channel | null;
  readonly shade: Shade;
  readonly kernel: KernelChoice;
  readonly probing: ProbingChoice;
  readonly views: ViewChoice;
  readonly groups: readonly string[];
  readonly max: ViewId | null;
  readonly axis: Axis | null;
  /** The keys of the Training page. */
  readonly training: Keys;
}

export function currentShared(): Shared {
  return {
    a: selection.a.value,
    b: selection.b.value,
    run: selection.run.value,
    metric: selection.metric.value,
    layer: selection.layer.value,
    tensor: selection.tensor.value,
    filters: selection.filters.value,
    bins: selection.bins.value,
    levels: selection.levels.value,
    hidden: selection.hiddenLevels.value,
    cells: selection.cells.value,
    channel: selection.channel.value,
    shade: selection.shade.value,
    kernel: currentKernel(),
    probing: currentProbing(),
    views: currentViews(),
    groups: selection.toggledGroups.value,
    max: selection.maximised.value,
    axis: selection.axis.value,
    training: currentTraining(),
  };
}

export function applyShared(shared: Shared): void {
  batch(() => {
    selection.a.value = shared.a;
    selection.b.value = shared.b;
    selection.run.value = shared.run;
    selection.metric.value = shared.metric;
    selection.layer.value = shared.layer;
    selection.tensor.value = shared.tensor;
    selection.filters.value = shared.filters;
    selection.bins.value = shared.bins;
    selection.levels.value = shared.levels;
    selection.hiddenLevels.value = shared.hidden;
    selection.cells.value = shared.cells;
    selection.channel.value = shared.channel;
    selection.shade.value = shared.shade;
    applyKernel(shared.kernel);
    applyProbing(shared.probing);
    applyViews(shared.views);
    selection.toggledGroups.value = shared.groups;
    selection.maximised.value = shared.max;
    selection.axis.value = shared.axis;
    applyTraining(shared.training);
  });
}

/** What is as it is by default is left out. */
export function encode(shared: Shared): Keys {
  const keys: Record<string, string | null> = {
    a: shared.a,
    b: shared.b,
    run: shared.run,
    metric: shared.metric === 'l2' ? null : shared.metric,
    layer: shared.layer,
    tensor: shared.tensor,
    filters: writeRanges(shared.filters),
    bins: shared.bins === BINS_DEFAULT ? null : String(shared.bins),
    levels: shared.levels === LEVELS_DEFAULT ? null : String(shared.levels),
    hidden: writeRanges(shared.hidden),
    cells: writeCells(shared.cells),
    channel: writeChannel(shared.channel),
    shade: shared.shade === 'measure' ? null : shared.shade,
    ...encodeKernel(shared.kernel),
    ...encodeProbing(shared.probing),
    ...encodeViews(shared.views),
    groups: shared.groups.map(encodeURIComponent).join(','),
    max: shared.max,
    axis: shared.axis,
    ...shared.training,
  };
  const present = Object.entries(keys).filter((entry): entry is [string, string] => !!entry[1]);
  return Object.fromEntries(present);
}

export function decode(keys: Keys): Shared {
  const bins = readNumber(keys.bins, BINS_MIN, BINS_MAX, BINS_DEFAULT);
  const levels = readNumber(keys.levels, LEVELS_MIN, LEVELS_MAX, LEVELS_DEFAULT);
  const layer = readText(keys.layer);
  return {
    a: readText(keys.a),
    b: readText(keys.b),
    run: readText(keys.run),
    metric:
      readChoice(
        keys.metric,
        METRICS.map((entry) => entry.key),
      ) ?? 'l2',
    layer,
    tensor: layer === null ? null : readText(keys.tensor),
    filters: layer === null ? [] : readRanges(keys.filters, FILTER_MAX, FILTERS_MAX),
    bins,
    levels,
    hidden: readHidden(keys.hidden, levels),
    cells: readCells(keys.cells, bins, levels),
    channel: layer === null ? null : readChannel(keys.channel),
    shade: readChoice(keys.shade, SHADES) ?? 'measure',
    kernel: decodeKernel(keys, layer),
    probing: decodeProbing(keys),
    views: decodeViews(keys),
    groups: readGroups(keys.groups),
    max: readChoice(keys.max, VIEWS),
    axis: readChoice(keys.axis, AXES),
    training: decodeTraining(keys),
  };
}

function readText(text: string | undefined): string | null {
  return text && text.length <= TEXT_MAX ? text : null;
}

function readChoice<T extends string>(text: string | undefined, choices: readonly T[]): T | null {
  return choices.find((choice) => choice === text) ?? null;
}

function readNumber(text: string | undefined, least: number, most: number, normal: number): number {
  if (text === undefined || !/^-?\d+$/.test(text)) return normal;
  return Math.min(most, Math.max(least, Number(text)));
}

/** At least one level stays visible, or there would be nothing to see and nothing to click. */
function readHidden(text: string | undefined, levels: number): readonly number[] {
  const hidden = readRanges(text, levels - 1, levels);
  return hidden.length < levels ? hidden : [];
}

/**
 * Cells as rectangles of bins and levels, `0-9.2-4,12.0`: a part for every range of neighbouring
 * bins that have the same range of levels.
 */
export function writeCells(cells: readonly Cell[]): string {
  const levelsOf = new Map<number, number[]>();
  for (const { bin, level } of cells) levelsOf.set(bin, [...(levelsOf.get(bin) ?? []), level]);
  const binsOf = new Map<string, number[]>();
  for (const bin of [...levelsOf.keys()].sort(ascending)) {
    const levels = (levelsOf.get(bin) ?? []).sort(ascending);
    for (const range of writeRanges(levels).split(',')) {
      binsOf.set(range, [...(binsOf.get(range) ?? []), bin]);
    }
  }
  const parts = [...binsOf].flatMap(([range, bins]) =>
    writeRanges(bins)
      .split(',')
      .map((bin) => `${bin}.${range}`),
  );
  return parts.join(',');
}

/** Ascending by bin, then level. */
function readCells(text: string | undefined, bins: number, levels: number): readonly Cell[] {
  const cells = new Set<number>();
  for (const part of (text ?? '').split(',', CELLS_MAX)) {
    const [, binRange, levelRange] = /^([\d-]{1,9})\.([\d-]{1,7})$/.exec(part) ?? [];
    for (const bin of readRanges(binRange, bins - 1, bins)) {
      for (const level of readRanges(levelRange, levels - 1, levels)) {
        cells.add(bin * levels + level);
      }
    }
  }
  return [...cells]
    .sort(ascending)
    .map((index) => ({ bin: Math.floor(index / levels), level: index % levels }));
}

const ascending = (x: number, y: number): number => x - y;

function readGroups(text: string | undefined): readonly string[] {
  const names = (text ?? '').split(',', GROUPS_MAX).map((part) => {
    try {
      return readText(decodeURIComponent(part));
    } catch {
      return null;
    }
  });
  return [...new Set(names.filter((name) => name !== null))];
}

/** Ascending numbers as `0-3,7`. */
export function writeRanges(numbers: readonly number[]): string {
  const ranges: [number, number][] = [];
  for (const number of numbers) {
    const last = ranges.at(-1);
    if (last && number === last[1] + 1) last[1] = number;
    else ranges.push([number, number]);
  }
  return ranges.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(',');
}

/** `0-3,7` as ascending numbers of 0 to `largest`, at most `most` of them. */
export function readRanges(text: string | undefined, largest: number, most: number): number[] {
  const numbers = new Set<number>();
  for (const part of (text ?? '').split(',', most)) {
    const [, from, to] = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(part) ?? [];
    if (from === undefined) continue;
    const end = Math.min(Number(to ?? from), largest);
    for (let number = Number(from); number <= end && numbers.size < most; number += 1) {
      numbers.add(number);
    }
  }
  return [...numbers].sort(ascending);
}
