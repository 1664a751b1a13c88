import { signal } from '@preact/signals';
import type { ComponentType } from 'preact';

/** Commands of the Training page, in the page's header while it is on show. */
export const trainingTools = signal<ComponentType | null>(null);
