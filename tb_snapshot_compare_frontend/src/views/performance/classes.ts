/** Classes and outcomes in words. */
import type { ProbeImage } from '../../client/types';
import type { Outcome } from '../../state/probing-choice';

/** `class 4 · crocus`; `class 4` where its name is not known. */
export function classText(classes: readonly string[], index: number | null): string {
  if (index === null) return 'no class';
  const name = classes[index];
  return name && name !== `class ${index}` ? `class ${index} · ${name}` : `class ${index}`;
}

/** `4 · crocus`, or `class 4`: beside a bar. */
export function classLabel(classes: readonly string[], index: number): string {
  const name = classes[index];
  return name && name !== `class ${index}` ? `${index} · ${name}` : `class ${index}`;
}

/** `crocus`, or `class 4`: where room is scarce. */
export function shortClass(classes: readonly string[], index: number): string {
  return classes[index] || `class ${index}`;
}

/** Under a thumbnail: its class, else its name. */
export function caption({ label, name }: ProbeImage, classes: readonly string[]): string {
  return label === null ? name : classText(classes, label);
}

export const OUTCOME_WORDS: Readonly<Record<Outcome, string>> = {
  rr: 'right → right',
  rw: 'right → wrong',
  wr: 'wrong → right',
  ww: 'wrong → wrong',
  changed: 'prediction changed',
};

/** As a sentence about a number of images. */
export const OUTCOME_HELP: Readonly<Record<Outcome, string>> = {
  rr: 'a and b are right',
  rw: 'a is right, b is wrong: lost',
  wr: 'a is wrong, b is right: gained',
  ww: 'a and b are wrong',
  changed: 'a and b predict different classes',
};

export function images(count: number, format: (count: number) => string = String): string {
  return count === 1 ? '1 image' : `${format(count)} images`;
}
