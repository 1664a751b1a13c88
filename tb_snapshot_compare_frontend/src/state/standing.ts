/** What became of the chosen snapshots' files, as sentences above the panels. */
import type { Notice } from './notices';
import { comparison, latest, listing } from './resources';
import { chooseSnapshot, replacement } from './settle';
import { isGone, lastReady, rewritten, SIDES, type Side, snapshotsById } from './snapshots';

export function standingOf(side: Side): Notice[] {
  const id = SIDES[side].value;
  const last = id === null ? undefined : lastReady.value.get(id);
  if (id === null || last === undefined) return [];
  const name = `Snapshot ${last.label} (${side})`;
  if (isGone(id)) return [gone(side, name)];
  const listed = snapshotsById.value.get(id);
  if (listed?.state === 'being_written') {
    const text = `${name} is being written anew. Until it is complete, its previous content is shown.`;
    return [{ id: `standing-${side}`, tone: 'info', text }];
  }
  if (listed?.state === 'broken') {
    const text =
      `${name} was overwritten and cannot be read any more: ` +
      `${listed.reason ?? 'its files are damaged'} Its previous content is shown.`;
    return [{ id: `standing-${side}`, tone: 'warning', text }];
  }
  if (!rewritten.value.has(id)) return [];
  const text = `${name} was replaced: its file was written anew. Its new content is shown.`;
  return [{ id: `standing-${side}`, tone: 'info', text }];
}

function gone(side: Side, name: string): Notice {
  const rest =
    comparison.value.status === 'failed'
      ? 'It can no longer be compared.'
      : 'What was computed of it stays on show; nothing new can be read from it.';
  const text = `${name} was deleted from the logdir. ${rest}`;
  const other = replacement(side, latest(listing.value)?.suggested ?? null);
  const instead = other === null ? undefined : snapshotsById.value.get(other);
  const notice: Notice = { id: `standing-${side}`, tone: 'warning', text };
  if (!instead) return notice;
  const run = () => chooseSnapshot(side, instead.id);
  return { ...notice, action: { label: `Show ${instead.label} instead`, run } };
}
