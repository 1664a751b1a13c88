/** The chosen set and image, and the images that the filter leaves, in their order. */
import { batch, computed } from '@preact/signals';
import type { FlowImage, ImageSet, ProbeImage, ProbeLayer, ProbeModel } from '../client/types';
import { flow, imageSets, predictions, probeModel } from './probing';
import {
  type ImageFilter,
  image,
  imageFilter,
  imageOrder,
  imageSet,
  isFiltered,
  type Outcome,
  selectSet,
} from './probing-choice';
import { latest } from './resources';
import { layer } from './selection';

const none: readonly ImageSet[] = [];

export const sets = computed<readonly ImageSet[]>(() => latest(imageSets.value)?.sets ?? none);

export const currentSet = computed<ImageSet | null>(
  () => sets.value.find(({ id }) => id === imageSet.value) ?? null,
);

/** Why the labels of the chosen set are not used: its classes are not those of the networks. */
export const labelsNote = computed<string | null>(() => {
  const all = latest(flow.value);
  if (all && all.set === imageSet.value) return all.note;
  const one = latest(predictions.value);
  return one && currentSet.value?.images.some(({ id }) => id === one.image) ? one.note : null;
});

/**
 * The set that tells what the classes of the networks are: the chosen one, or where it does not (as
 * uploads) another one of as many classes as the networks tell apart.
 */
const naming = computed<ImageSet | null>(() => {
  const own = currentSet.value;
  const foreign = labelsNote.value !== null;
  if (own && own.classes.length > 0 && !foreign) return own;
  const count = readyModel.value?.classes ?? 0;
  const others = sets.value.filter((set) => !foreign || set !== own);
  return others.find(({ classes }) => count > 0 && classes.length === count) ?? null;
});

/** Names by index; empty where they are not known. */
export const classNames = computed<readonly string[]>(() => naming.value?.classes ?? []);

/** An image of each class, by index. */
export const references = computed<ReadonlyMap<number, string>>(() => {
  const first = new Map<number, string>();
  for (const { id, label } of naming.value?.images ?? []) {
    if (label !== null && !first.has(label)) first.set(label, id);
  }
  return first;
});

export const hasImages = computed(() => sets.value.some(({ images }) => images.length > 0));

export const currentImage = computed<ProbeImage | null>(
  () => currentSet.value?.images.find(({ id }) => id === image.value) ?? null,
);

export const readyModel = computed<ProbeModel | null>(() => {
  const known = latest(probeModel.value);
  return known?.state === 'ready' ? known : null;
});

/** The selected layer, where its output has channels. */
export const probeLayer = computed<ProbeLayer | null>(
  () => readyModel.value?.layers.find(({ name }) => name === layer.value) ?? null,
);

/** Outcomes by image id; empty until all images of the set are run. */
export const outcomes = computed<ReadonlyMap<string, FlowImage>>(() => {
  const known = latest(flow.value);
  if (!known || known.set !== imageSet.value) return new Map();
  return new Map(known.images.map((entry) => [entry.image, entry]));
});

/** Whether the filter or the order can only be told once all images are run. */
export const needsFlow = computed(() => {
  const { outcome, predictedA, predictedB } = imageFilter.value;
  const filtered = outcome !== null || predictedA !== null || predictedB !== null;
  return filtered || imageOrder.value !== 'listed';
});

/** Chooses an image, with the set that holds it. */
export function showImage(id: string): void {
  const set = sets.value.find(({ images }) => images.some((entry) => entry.id === id));
  batch(() => {
    if (set) selectSet(set.id);
    image.value = id;
  });
}

/** What is known of the outcomes decides; without it nothing but the class does. */
export const shownImages = computed<readonly ProbeImage[]>(() => {
  const all = currentSet.value?.images ?? [];
  const known = outcomes.value;
  const filter = imageFilter.value;
  const kept = isFiltered(filter)
    ? all.filter((entry) => isKept(entry, known.get(entry.id) ?? null, filter, known.size > 0))
    : all;
  if (imageOrder.value === 'listed' || known.size === 0) return kept;
  const sign = imageOrder.value === 'gain' ? -1 : 1;
  const change = ({ id }: ProbeImage) => truthChange(known.get(id) ?? null);
  return [...kept].sort((x, y) => byChange(change(x), change(y), sign));
});

/** The change of the probability of an image's true class. */
export function truthChange(entry: FlowImage | null): number | null {
  if (!entry || entry.truth_a === null || entry.truth_b === null) return null;
  return entry.truth_b - entry.truth_a;
}

export function outcomeOf({ label, predicted_a, predicted_b }: FlowImage): Outcome | null {
  if (label === null) return null;
  return `${predicted_a === label ? 'r' : 'w'}${predicted_b === label ? 'r' : 'w'}`;
}

function isKept(
  { label }: ProbeImage,
  entry: FlowImage | null,
  filter: ImageFilter,
  known: boolean,
): boolean {
  if (filter.label !== null && label !== filter.label) return false;
  if (!known) return true;
  const { outcome, predictedA, predictedB } = filter;
  if (outcome === null && predictedA === null && predictedB === null) return true;
  if (entry === null) return false;
  if (predictedA !== null && entry.predicted_a !== predictedA) return false;
  if (predictedB !== null && entry.predicted_b !== predictedB) return false;
  if (outcome === 'changed') return entry.predicted_a !== entry.predicted_b;
  return outcome === null || outcomeOf(entry) === outcome;
}

/** Those without a change are last. */
function byChange(x: number | null, y: number | null, sign: number): number {
  if (x === null || y === null) return Number(x === null) - Number(y === null);
  return sign * (x - y);
}
