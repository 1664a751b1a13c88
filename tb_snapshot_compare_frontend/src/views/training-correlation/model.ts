/** What the view derives from the answers and the selection. */
import { computed, signal } from '@preact/signals';
import { type ColorScale, sequential, sequentialTable, type Theme } from '../../scales/color';
import { GUTTER, MARGIN } from '../../scales/steps';
import { dark } from '../../state/environment';
import { latest } from '../../state/resources';
import { anomalyRule, correlationForm, log } from '../../state/training';
import { correlation, trainingClasses } from '../../state/training-data';
import { classesWithOne, outcomesByThreshold } from './anomalies';
import { type Heads, headsOf } from './heads';
import { detailedLayout, type Layout, simpleLayout } from './layout';
import type { PaintColors } from './paint';
import type { Place } from './places';

/** Of the view's content, in pixels. */
export const width = signal(0);
export const room = computed(() => Math.max(0, width.value - GUTTER - MARGIN));
export const theme = computed<Theme>(() => (dark.value ? 'dark' : 'light'));

export const known = computed(() => latest(correlation.value));
export const classNames = computed<readonly string[]>(() => log.value?.classes ?? []);

export function className(index: number | undefined): string {
  return index === undefined ? '' : (classNames.value[index] ?? `class ${index}`);
}

/** Of the class in a place among those on show. */
export function nameOfPlace(place: number): string {
  return className(known.value?.classes[place]);
}

/** Of the simple and of the full form. */
export const layout = computed<Layout | null>(() => {
  const [answer, form] = [known.value, correlationForm.value];
  if (answer === null || form === 'cube') return null;
  return form === 'full' ? detailedLayout(answer, room.value) : simpleLayout(answer, room.value);
});

/** Above the columns of both forms. */
export const heads = computed<Heads | null>(() => {
  const [answer, drawn] = [known.value, layout.value];
  return answer && drawn && headsOf(answer, drawn, className);
});

export const most = computed(() => {
  let largest = 1;
  for (const { distinct } of known.value?.rows ?? []) {
    for (const count of distinct) largest = Math.max(largest, count);
  }
  return largest;
});

const FAINTEST = 0.16;
const RULES: Readonly<Record<Theme, string>> = { light: '#ececec', dark: '#484848' };
const BLOCK_TONE = 0.66;

/** A single filter is already seen on the surface. */
export const countColor = computed<ColorScale>(() => {
  const largest = most.value;
  const least = 1 - ((largest - 1) * FAINTEST + FAINTEST) / (1 - FAINTEST);
  return sequential(theme.value, [Math.min(0, least), largest]);
});

export const colors = computed<PaintColors>(() => {
  const table = sequentialTable(theme.value);
  return {
    count: countColor.value,
    block: table[Math.round(BLOCK_TONE * (table.length - 1))] as string,
    rule: RULES[theme.value],
  };
});

export interface Words {
  readonly title: string;
  readonly lines: readonly string[];
}

/** What lies under the pointer or the keyboard's cursor, and where that is in the viewport. */
export interface Pointed {
  /** Null on faces of the cube that have no mini-sets. */
  readonly place: Place | null;
  readonly words: Words;
  readonly box: {
    readonly x: number;
    readonly y: number;
    readonly width: number;
    readonly height: number;
  };
}

export const pointed = signal<Pointed | null>(null);

/** What was clicked: it stays highlighted. */
export interface Chosen {
  readonly layer: string | null;
  /** Indices of classes. */
  readonly classes: readonly number[];
  readonly filters: readonly number[];
  readonly steps: readonly number[];
  /** A set's iterations, those of a class, or a single one. */
  readonly of: 'set' | 'class' | 'iteration';
}

export const chosen = computed<Chosen | null>(() => {
  const kept = choice.value;
  return kept !== null && kept.run === log.value?.run ? kept.chosen : null;
});

const choice = signal<{ readonly run: string; readonly chosen: Chosen } | null>(null);

/** Of the run on show: another one's classes and filters are others. */
export function choose(next: Chosen | null): void {
  const run = log.peek()?.run;
  choice.value = next === null || run === undefined ? null : { run, chosen: next };
}

export const outcomes = computed(() => {
  const answer = latest(trainingClasses.value);
  return answer === null ? null : outcomesByThreshold(answer, classNames.value.length);
});

/** Classes with a single anomaly: at the threshold, or of any image where no class has two. */
export const lonely = computed(() => {
  const answer = latest(trainingClasses.value);
  const least = outcomes.value?.length === 0 ? 1 : anomalyRule.value.threshold;
  return answer === null ? 0 : classesWithOne(answer, classNames.value.length, least);
});

export const threshold = computed(() => anomalyRule.value.threshold);
