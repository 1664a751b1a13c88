/** Brings the selection in line with what there is, and says so. */
import { batch, signal, untracked } from '@preact/signals';
import type { Listing } from '../client/types';
import { raise, withdraw } from './notices';
import { architecture, comparison, filterMeasures } from './resources';
import {
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
import { SIDES, type Side, snapshotsById } from './snapshots';
import { mostChangedLayer } from './tensors';

/** Names of snapshots that were listed once, to speak of one that has gone. */
const labels = new Map<string, string>();

/** Chooses snapshots where none are chosen, or where the chosen ones are gone. */
export function settleSnapshots(listing: Listing): void {
  const known = snapshotsById.value;
  for (const snapshot of known.values()) labels.set(snapshot.id, snapshot.label);
  // What is missing now may be found yet.
  if (listing.scanning) return;
  batch(() => {
    for (const side of ['a', 'b'] as const) settleSide(side, listing);
  });
}

function settleSide(side: Side, { suggested }: Listing): void {
  const id = SIDES[side].value;
  if (id !== null && snapshotsById.value.has(id)) return;
  if (id !== null) {
    raise({
      id: `vanished-${side}`,
      tone: 'warning',
      text: `Snapshot ${labels.get(id) ?? id} (${side}) is no longer in the logdir.`,
    });
  }
  SIDES[side].value = replacement(side, suggested);
}

function replacement(side: Side, suggested: Listing['suggested']): string | null {
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
