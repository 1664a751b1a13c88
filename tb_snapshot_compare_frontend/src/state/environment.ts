/** What the page knows of its surroundings; written by the shell, read by views. */
import { signal } from '@preact/signals';

/** Whether the page is dark; the same as `data-theme` on the root element. */
export const dark = signal(false);
/** False while the tab is hidden: stop polling and drawing. */
export const visible = signal(true);
/** Raised to ask for everything that failed once more. */
export const attempt = signal(0);
/** Spoken by a screen reader, and never shown. */
export const announcement = signal('');

/** Asks again for every request that failed. */
export function retryFailed(): void {
  attempt.value += 1;
}

export function announce(text: string): void {
  announcement.value = text;
}
