/** What becomes of all images from a to b: counts by class, and changes of the prediction. */
import type { Flow, FlowImage } from '../../client/types';
import { outcomeOf } from '../../state/probe-images';
import type { Outcome } from '../../state/probing-choice';

/** The four outcomes of a labelled image, in the order in which they are drawn. */
export const FLOW_PARTS = ['rr', 'wr', 'rw', 'ww'] as const satisfies readonly Outcome[];
export type FlowPart = (typeof FLOW_PARTS)[number];
/** A matrix of more classes cannot be read. */
export const MATRIX_CLASSES = 40;

export interface ClassFlow {
  readonly label: number;
  readonly counts: Readonly<Record<FlowPart, number>>;
  readonly total: number;
}

/** One row for each class that has images, by index. */
export function classFlows({ images }: Flow): readonly ClassFlow[] {
  const byLabel = new Map<number, Record<FlowPart, number>>();
  for (const entry of images) {
    const outcome = outcomeOf(entry);
    if (entry.label === null || outcome === null || outcome === 'changed') continue;
    const counts = byLabel.get(entry.label) ?? { rr: 0, wr: 0, rw: 0, ww: 0 };
    counts[outcome] += 1;
    byLabel.set(entry.label, counts);
  }
  return [...byLabel]
    .sort(([x], [y]) => x - y)
    .map(([label, counts]) => ({ label, counts, total: sum(Object.values(counts)) }));
}

export function totals(flows: readonly ClassFlow[]): Readonly<Record<FlowPart, number>> {
  const of = (part: FlowPart) => sum(flows.map(({ counts }) => counts[part]));
  return { rr: of('rr'), wr: of('wr'), rw: of('rw'), ww: of('ww') };
}

/** How many images go from one predicted class to another: `counts[a * classes + b]`. */
export interface Changes {
  readonly classes: number;
  readonly counts: Uint32Array;
  readonly largestChange: number;
  readonly changed: number;
}

export function changesOf({ images }: Flow, classes: number): Changes {
  const counts = new Uint32Array(classes * classes);
  let changed = 0;
  for (const { predicted_a, predicted_b } of images) {
    if (!within(predicted_a, classes) || !within(predicted_b, classes)) continue;
    const at = predicted_a * classes + predicted_b;
    counts[at] = (counts[at] ?? 0) + 1;
    if (predicted_a !== predicted_b) changed += 1;
  }
  let largestChange = 0;
  counts.forEach((count, at) => {
    if (Math.floor(at / classes) !== at % classes) largestChange = Math.max(largestChange, count);
  });
  return { classes, counts, largestChange, changed };
}

export interface Change {
  readonly from: number;
  readonly to: number;
  readonly count: number;
}

/** The changes of prediction that most images share. */
export function frequentChanges(images: readonly FlowImage[], most: number): readonly Change[] {
  const byKey = new Map<string, { from: number; to: number; count: number }>();
  for (const { predicted_a: from, predicted_b: to } of images) {
    if (from === to) continue;
    const key = `${from} ${to}`;
    const known = byKey.get(key) ?? { from, to, count: 0 };
    known.count += 1;
    byKey.set(key, known);
  }
  return [...byKey.values()]
    .sort((x, y) => y.count - x.count || x.from - y.from || x.to - y.to)
    .slice(0, most);
}

/** Classes that some image has, or that some image is taken for. */
export function classCount({ classes, images }: Flow): number {
  let count = classes.length;
  for (const { label, predicted_a, predicted_b } of images) {
    count = Math.max(count, (label ?? -1) + 1, predicted_a + 1, predicted_b + 1);
  }
  return count;
}

function within(index: number, classes: number): boolean {
  return index >= 0 && index < classes;
}

function sum(values: readonly number[]): number {
  return values.reduce((all, value) => all + value, 0);
}
