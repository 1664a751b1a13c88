import { formatCount, formatNumber } from '../../scales/format';
import { log } from '../../state/training';
import type { Lead, Moved, Quantity } from './moved-model';

/** What the server says of values that are not finite. */
const NOT_FINITE = 1e9;

export const QUANTITY_WORDS: Readonly<Record<Quantity, string>> = {
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
 * `3,200 steps before`, `with it`, `1,600 steps after`; `5 steps before to 2 after` where the order
 * is not known. Null where the loss did not move.
 */
export function leadWords(lead: Lead | null): string {
  if (lead === null) return '–';
  const { most, least } = lead;
  const from = sideWords(most, most === 0 ? '' : ` ${countWord(Math.abs(most))}`);
  return most === least ? from : `${from} to ${sideWords(least, '')}`;
}

function sideWords(lead: number, word: string): string {
  if (lead === 0) return 'with it';
  return `${formatCount(Math.abs(lead))}${word} ${lead > 0 ? 'before' : 'after'}`;
}

export function deviationWords({ deviation }: Moved): string {
  if (deviation >= NOT_FINITE) return 'No longer finite';
  return `${formatNumber(deviation, 2)} robust standard deviations from its usual range`;
}

function countWord(count: number): string {
  const word = log.value?.axis ?? 'step';
  return count === 1 ? word : `${word}s`;
}
