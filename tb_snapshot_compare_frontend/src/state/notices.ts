/** Sentences above the panels: what is not as it should be, and what was done about it. */
import { signal } from '@preact/signals';

export interface Notice {
  /** Two notices of one id are the same: the newer replaces the older. */
  readonly id: string;
  readonly tone: 'info' | 'warning' | 'error';
  readonly text: string;
  /** More to read, shown on demand. */
  readonly details?: readonly string[];
  readonly action?: { readonly label: string; readonly run: () => void };
}

/** Raised by what happened; it stays until it is dismissed. */
export const raised = signal<readonly Notice[]>([]);
/**
 * Ids of what was dismissed, with its text: a change of text shows it again, and so does a
 * condition that ended and came back.
 */
export const dismissed = signal<ReadonlySet<string>>(new Set());

export function raise(notice: Notice): void {
  withdraw(notice.id);
  if (isDismissed(notice)) {
    dismissed.value = new Set([...dismissed.value].filter((key) => key !== dismissalKey(notice)));
  }
  raised.value = [...raised.value, notice];
}

export function withdraw(id: string): void {
  if (raised.value.some((notice) => notice.id === id)) {
    raised.value = raised.value.filter((notice) => notice.id !== id);
  }
}

export function dismiss(notice: Notice): void {
  withdraw(notice.id);
  dismissed.value = new Set([...dismissed.value, dismissalKey(notice)]);
}

/** Keeps the dismissals of what is still the case. */
export function forgetEnded(standing: readonly Notice[]): void {
  const known = new Set(standing.map(dismissalKey));
  const kept = [...dismissed.peek()].filter((key) => known.has(key));
  if (kept.length < dismissed.peek().size) dismissed.value = new Set(kept);
}

export function isDismissed(notice: Notice): boolean {
  return dismissed.value.has(dismissalKey(notice));
}

function dismissalKey({ id, text }: Notice): string {
  return `${id}\n${text}`;
}
