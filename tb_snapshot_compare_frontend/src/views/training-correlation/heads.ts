/** The words above the columns: names of classes, and the steps of their anomaly iterations. */
import type { Correlation } from '../../client/types';
import { textWidth } from '../../elements/fit-text';
import { formatCount } from '../../scales/format';
import type { Layout } from './layout';

/**
 * Words lie side by side where all of them fit, or have room enough to be told apart once they are
 * shortened; else they stand, from bottom to top.
 */
export type Lie = 'across' | 'upright';

export interface Words {
  readonly lie: Lie;
  /** Pixels of their row. */
  readonly height: number;
}

export interface Heads {
  readonly names: Words;
  /** Null where iterations are too narrow, and in the simple form. */
  readonly steps: Words | null;
  /** Of both, with what lies between them and the columns. */
  readonly height: number;
}

export const WORD_SIZE = 11;
/** Between the words and the columns: marks of pinned iterations lie there. */
export const HEADS_PADDING = 8;
const LINE = 16;
const SPACING = 6;
const NAMES_LEAST = 32;
/** Pixels of a column in which a name is read well, though a long one is shortened. */
const ACROSS_FROM = 64;
const NAMES_MOST = 112;
/** Narrower iterations have no room for a step. */
const UPRIGHT_FROM = 13;

export function headsOf(
  known: Correlation,
  layout: Layout,
  className: (index: number) => string,
): Heads {
  const named = layout.columns.map(({ classIndex, width }) => ({
    length: textWidth(className(classIndex), WORD_SIZE),
    width,
  }));
  const longest = Math.max(0, ...named.map(({ length }) => length));
  const fits = named.every(
    ({ length, width }) => length + SPACING <= width || width >= ACROSS_FROM,
  );
  const upright = Math.max(NAMES_LEAST, Math.min(NAMES_MOST, Math.ceil(longest) + SPACING));
  const names: Words = fits ? { lie: 'across', height: LINE } : { lie: 'upright', height: upright };
  const steps = layout.detailed ? stepsOf(known, layout.unit) : null;
  return { names, steps, height: names.height + (steps?.height ?? 0) + HEADS_PADDING };
}

function stepsOf({ columns }: Correlation, unit: number): Words | null {
  const longest = Math.max(0, ...columns.map(({ step }) => textWidth(stepLabel(step), WORD_SIZE)));
  if (longest + SPACING <= unit) return { lie: 'across', height: LINE };
  return unit < UPRIGHT_FROM ? null : { lie: 'upright', height: Math.ceil(longest) + SPACING };
}

/** Pixels that a class's name may take, in a column of a width. */
export function nameRoom({ lie, height }: Words, width: number): number {
  return lie === 'across' ? width - SPACING : height;
}

export function stepLabel(step: number): string {
  return formatCount(step);
}
