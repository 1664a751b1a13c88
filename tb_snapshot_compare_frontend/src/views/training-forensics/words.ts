import { stepWords } from '../../elements/axis-words';
import { formatCount, formatNumber } from '../../scales/format';
import { log } from '../../state/training';
import { isInterval, type Lead, type Moved, type Quantity } from './moved-model';

/** What the server says of values that are not finite. */
const NOT_FINITE = 1e9;

export const QUANTITY_WORDS: Readonly<Record<Quantity, string>> = {
  learning_rate: 'learning rate',
  weight: 'weights',
  update: 'update',
  gradient: 'gradient',
  moment1: 'first moment',
  moment2: 'second moment',
  loss: 'loss',
};

export function unitWords(path: string): string {
  return path === '' ? 'whole model' : path;
}

/**
 * `3,200 steps before`, `with it`, `1,600 steps after`; where it is known to a dump only `54 to 47
 * steps before`, `1 to 8 steps after`, `up to 5 steps before`, `5 steps before to 2 after`. A dash
 * where the loss did not move.
 */
export function leadWords(lead: Lead | null): string {
  if (lead === null) return '–';
  const { most, least } = lead;
  if (most > 0 && least < 0) return `${stepsWords(most)} before to ${formatCount(-least)} after`;
  const [near, far] = most > 0 ? [least, most] : [-most, -least];
  if (far === 0) return 'with it';
  if (near === far) return `${stepsWords(far)} ${most > 0 ? 'before' : 'after'}`;
  if (near === 0) return `up to ${stepsWords(far)} ${most > 0 ? 'before' : 'after'}`;
  if (most > 0) return `${formatCount(far)} to ${stepsWords(near)} before`;
  return `${formatCount(near)} to ${stepsWords(far)} after`;
}

/** `at step 504`, or `after step 496, by step 504`. */
export function onsetWords(moved: Moved): string {
  const { after, onset } = moved;
  if (after === null || !isInterval(moved)) return `at ${stepWords(onset)}`;
  return `after ${stepWords(after)}, by ${stepWords(onset)}`;
}

export function deviationWords({ deviation, quantity }: Moved): string {
  if (quantity === 'learning_rate') return rateWords(deviation);
  if (deviation >= NOT_FINITE) return 'No longer finite';
  return `${formatNumber(deviation, 2)} robust standard deviations from its usual range there`;
}

function rateWords(times: number): string {
  if (times >= NOT_FINITE) return 'It was 0 before';
  return times === 0 ? 'It became 0' : `${formatNumber(times, 2)} times the one before`;
}

function stepsWords(count: number): string {
  const word = log.value?.axis ?? 'step';
  return `${formatCount(count)} ${count === 1 ? word : `${word}s`}`;
}
