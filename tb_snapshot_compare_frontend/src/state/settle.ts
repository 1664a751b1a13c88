/** Brings the selection in line with what there is, and says so. */
import { batch, signal, untracked } from '@preact/signals';
import type { Listing, Snapshot } from '../client/types';
import { raise, withdraw } from './notices';
import { architecture, comparison, filterMeasures } from './resources';
import {
  a,
  b,
  bins,
  cells,
  filters,
  hiddenLevels,
  layer,
  levels,
  metric,
  selectLayer,
  selectTensor,
  tensor,
} from './selection';
import { isGone, lastReady, rewritten, SIDES, type Side, snapshotsById } from './snapshots';
import { mostChangedLayer } from './tensors';

/** Names of snapshots that were listed once, to speak of one that has gone. */
const labels = new Map<string, string>();

/** Chooses snapshots where none are chosen, or where the chosen ones are gone. */
export function settleSnapshots(listing: Listing): void {
  const known = snapshotsById.value;
  for (const snapshot of known.values()) labels.set(snapshot.id, snapshot.label);
  rememberReady();
  batch(() => {
    for (const side of ['a', 'b'] as const) {
      // What is missing now may be found yet.
      if (!listing.scanning || SIDES[side].value === null) settleSide(side, listing);
    }
  });
}

/** Keeps the chosen snapshots as they are while they can be read, and notes rewritten ones. */
export function rememberReady(): void {
  const before = lastReady.peek();
  const chosen = [...new Set([a.value, b.value])].filter((id) => id !== null);
  const kept = new Map<string, Snapshot>();
  const anew = new Set<string>();
  for (const id of chosen) {
    const listed = snapshotsById.value.get(id);
    const last = before.get(id);
    const snapshot = listed?.state === 'ready' ? listed : last;
    if (snapshot) kept.set(id, snapshot);
    const differs = last !== undefined && snapshot?.generation !== last.generation;
    if (differs || rewritten.peek().has(id)) anew.add(id);
  }
  batch(() => {
    if (!sameEntries(before, kept)) lastReady.value = kept;
    if (!sameKeys(rewritten.peek(), anew)) rewritten.value = anew;
  });
}

function sameEntries<T>(one: ReadonlyMap<string, T>, other: ReadonlyMap<string, T>): boolean {
  return one.size === other.size && [...one].every(([key, value]) => other.get(key) === value);
}

function sameKeys(one: ReadonlySet<string>, other: ReadonlySet<string>): boolean {
  return one.size === other.size && [...one].every((key) => other.has(key));
}

function settleSide(side: Side, { suggested }: Listing): void {
  const id = SIDES[side].value;
  if (id !== null && (snapshotsById.value.has(id) || isGone(id))) return;
  const next = replacement(side, suggested);
  if (id !== null) {
    const instead = next === null ? '' : ` ${labels.get(next) ?? next} is compared instead.`;
    raise({
      id: `vanished-${side}`,
      tone: 'warning',
      text: `${called(id)} (${side}) is not in the logdir.${instead}`,
    });
  }
  SIDES[side].value = next;
}

/** By its name, where it was listed once: the id of an address says nothing to anybody. */
function called(id: string): string {
  const label = labels.get(id);
  return label === undefined ? 'The snapshot that the address names' : `Snapshot ${label}`;
}

/** What to show in place of a snapshot that is gone. */
export function replacement(side: Side, suggested: Listing['suggested']): string | null {
  if (!suggested) return null;
  const other = SIDES[side === 'a' ? 'b' : 'a'].value;
  return suggested[side] === other ? suggested[side === 'a' ? 'b' : 'a'] : suggested[side];
}

/** The user chose anew: what was said about the previous choice no longer matters. */
export function chooseSnapshot(side: Side, id: string): void {
  withdraw(`vanished-${side}`);
  SIDES[side].value = id;
}

/** Drops a layer that neither snapshot has (an address from another network). */
export function settleLayer(): void {
  const name = layer.value;
  if (name === null) return;
  if (architecture.value.status !== 'ready' || comparison.value.status !== 'ready') return;
  const known =
    architecture.value.value.nodes.some((node) => node.name === name) ||
    comparison.value.value.layers.some((entry) => entry.name === name);
  if (known) return;
  raise({
    id: 'unknown-layer',
    tone: 'warning',
    text: `Neither snapshot has a layer named ${name}; the whole model is shown.`,
  });
  untracked(() => selectLayer(null));
}

/** Whether the page is to choose a layer by itself, once the snapshots are compared. */
export const choosingLayer = signal(false);

/** A page that was opened without any choice shows the layer that changed most. */
export function settleFirstLayer(): void {
  if (!choosingLayer.value) return;
  const resource = comparison.value;
  if (resource.status === 'failed') choosingLayer.value = false;
  if (resource.status !== 'ready') return;
  const compared = resource.value;
  batch(() => {
    choosingLayer.value = false;
    if (layer.peek() === null) selectLayer(mostChangedLayer(compared, metric.peek()));
  });
}

/** Drops a tensor that the layer does not have in both snapshots. */
export function settleTensor(): void {
  const name = tensor.value;
  if (name === null || comparison.value.status !== 'ready') return;
  const known = comparison.value.value.tensors.some(
    (entry) => entry.name === name && entry.layer === layer.value && entry.status === 'compared',
  );
  if (!known) untracked(() => selectTensor(null));
}

/** Drops filters, cells and levels that the data does not have. */
export function settleParts(): void {
  const measured = filterMeasures.value;
  if (measured.status === 'ready' && measured.value.layer === layer.value) {
    const kept = filters.value.filter((filter) => filter < measured.value.filters);
    if (kept.length < filters.value.length) filters.value = kept;
  }
  const inside = cells.value.filter(({ bin, level }) => bin < bins.value && level < levels.value);
  if (inside.length < cells.value.length) cells.value = inside;
  const hidden = hiddenLevels.value.filter((level) => level < levels.value);
  if (hidden.length < hiddenLevels.value.length) hiddenLevels.value = hidden;
}
