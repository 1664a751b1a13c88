/** What the steps of a log count, in words. */
import { computed } from '@preact/signals';
import { formatCount } from '../scales/format';
import { log } from '../state/training';

const WORDS = { step: 'Step', epoch: 'Epoch', save: 'Save' } as const;

export const axisWord = computed(() => WORDS[log.value?.axis ?? 'step']);

/** `step 644,800`. */
export function stepWords(step: number): string {
  return `${axisWord.value.toLowerCase()} ${formatCount(step)}`;
}
