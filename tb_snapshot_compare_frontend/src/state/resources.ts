/**
 * What the server answered for the current selection. Views read these and never fetch.
 * `state/loader.ts` keeps them in step with the selection.
 */
import { computed, signal } from '@preact/signals';
import type {
  Architecture,
  Comparison,
  Curves,
  Distribution,
  FilterMeasures,
  Job,
  Listing,
} from '../client/types';

export interface Failure {
  readonly code: string;
  readonly message: string;
}

export type Resource<T> =
  | { readonly status: 'idle' }
  /** `stale` is the previous value, to keep on screen (dimmed) while the next one comes. */
  | { readonly status: 'loading'; readonly job: Job | null; readonly stale: T | null }
  /** `stale` is the previous value where it is of the same snapshots. */
  | { readonly status: 'failed'; readonly failure: Failure; readonly stale: T | null }
  | { readonly status: 'ready'; readonly value: T };

export const listing = signal<Resource<Listing>>({ status: 'idle' });
export const comparison = signal<Resource<Comparison>>({ status: 'idle' });
export const architecture = signal<Resource<Architecture>>({ status: 'idle' });
/** Of the selected layer. */
export const filterMeasures = signal<Resource<FilterMeasures>>({ status: 'idle' });
/** Of the selected layer, or of the whole model when none is selected. */
export const distribution = signal<Resource<Distribution>>({ status: 'idle' });
export const curves = signal<Resource<Curves>>({ status: 'idle' });

/** Whether the run on show has loss or accuracy to draw; true until that is known. */
export const hasCurves = computed(() => {
  const known = latest(curves.value);
  return !known || known.curves.some(({ kind, x }) => kind !== 'other' && x.length > 0);
});

/** Whether the newest value there is belongs to what was selected before. */
export function isStale(resource: Resource<unknown>): boolean {
  return resource.status === 'loading' && resource.stale !== null;
}

/** The newest value there is, ready or stale. */
export function latest<T>(resource: Resource<T>): T | null {
  if (resource.status === 'ready') return resource.value;
  return resource.status === 'idle' ? null : resource.stale;
}
