/** The network of the training on show, as a snapshot of it tells. */
import { computed, signal } from '@preact/signals';
import type { Architecture, Snapshot } from '../client/types';
import type { Resource } from './resources';
import { snapshotsById } from './snapshots';
import { log } from './training';

export const trainingNetwork = signal<Resource<Architecture>>({ status: 'idle' });

/** The first that can be read: it stays the same while the log grows. */
export const networkSnapshot = computed<Snapshot | null>(() => {
  for (const { id } of log.value?.snapshots ?? []) {
    const listed = snapshotsById.value.get(id);
    if (listed?.state === 'ready') return listed;
  }
  return null;
});
