/** Snapshots in words. */
import type { Snapshot } from '../client/types';

const FORMAT_WORDS: Readonly<Record<string, string>> = {
  keras: '.keras',
  weights_h5: '.weights.h5',
  tf_checkpoint: 'TF checkpoint',
  legacy_h5: '.h5',
  saved_model: 'SavedModel',
};

const MINUTE = { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' } as const;
const THIS_YEAR = new Intl.DateTimeFormat('en-GB', MINUTE);
const OTHER_YEAR = new Intl.DateTimeFormat('en-GB', { ...MINUTE, year: 'numeric' });

export function formatWord(format: string): string {
  return FORMAT_WORDS[format] ?? format;
}

export function stateWord({ state }: Snapshot): string {
  return { ready: 'ready', being_written: 'being written', broken: 'broken' }[state];
}

/** `21 Nov, 03:14`, with the year when it is not this one. */
export function formatTime(seconds: number, now: Date = new Date()): string {
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.getTime())) return 'unknown time';
  return (date.getFullYear() === now.getFullYear() ? THIS_YEAR : OTHER_YEAR).format(date);
}

/** Where its step and epoch were read, as a sentence for a tooltip. */
export function positionSource(snapshot: Snapshot): string | null {
  const parts = [
    snapshot.epoch_source && `epoch from ${snapshot.epoch_source}`,
    snapshot.step_source && `step from ${snapshot.step_source}`,
  ].filter((part) => !!part);
  return parts.length > 0 ? parts.join(', ') : null;
}

/** The snapshots that contain every word of `query` in what a row of the picker shows. */
export function filterSnapshots(snapshots: readonly Snapshot[], query: string): Snapshot[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return [...snapshots];
  return snapshots.filter((snapshot) => {
    const text = searchText(snapshot);
    return words.every((word) => text.includes(word));
  });
}

/** The one that the query most likely means: `10` is epoch 10 rather than step 2100. */
export function bestMatch(snapshots: readonly Snapshot[], query: string): number {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const score = ({ label }: Snapshot) => {
    const own = label.toLowerCase().split(/[^\p{L}\p{N}]+/u);
    return words.filter((word) => own.includes(word)).length;
  };
  let best = -1;
  let bestScore = -1;
  snapshots.forEach((snapshot, index) => {
    if (snapshot.state !== 'ready' || score(snapshot) <= bestScore) return;
    best = index;
    bestScore = score(snapshot);
  });
  return best;
}

function searchText(snapshot: Snapshot): string {
  const { label, name, run, formats } = snapshot;
  return [label, name, run, stateWord(snapshot), ...formats.map(formatWord)]
    .join(' ')
    .toLowerCase();
}
