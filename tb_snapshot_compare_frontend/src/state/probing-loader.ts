/** Keeps what both snapshots make of the probe images in step with the selection. */
import { batch, effect, untracked } from '@preact/signals';
import type { Follow, PairOf } from '../client/Api';
import { isAbort } from '../client/failure';
import type { ProbeApi } from '../client/ProbeApi';
import type { Attribution, ImageSet } from '../client/types';
import { asUpload } from '../client/upload';
import { announce } from './environment';
import { failureFor, keepInStep, type Plan } from './fetching';
import {
  currentImage,
  currentSet,
  hasImages,
  needsFlow,
  outcomes,
  probeLayer,
  readyModel,
  sets,
  shownImages,
} from './probe-images';
import * as probing from './probing';
import { pairKey } from './probing-ask';
import {
  image,
  imageFilter,
  imageSet,
  isFiltered,
  patchWay,
  preparing,
  selectSet,
  tab,
} from './probing-choice';
import { latest } from './resources';
import { channel, layer, maximised } from './selection';
import { readyPair, shownRun, snapshotB } from './snapshots';

const PATCHES = 5;
/** Pixels of the largest side of a map in the grid, and of one laid over its image. */
const GRID_EDGE = 64;
const OVERLAY_EDGE = 256;

const NOTHING = { key: '', ask: null } as const;

/** Starts following; ends with the function that it returns. */
export function followProbing(api: ProbeApi, onStale: () => Promise<void>): () => void {
  const options = { onStale };
  probing.upload.value = (files) => void give(api, files);
  const stops = [
    keepInStep(probing.imageSets, () => {
      const run = runOfImages();
      if (run === null) return NOTHING;
      const key = JSON.stringify([run, probing.imagesAttempt.value]);
      return { key, ask: (follow) => api.images(run, follow) };
    }),
    effect(settleImage),
    effect(settleFiltered),
    effect(settleChannel),
    effect(() => {
      if (tab.value === 'flow' || needsFlow.value) probing.flowWanted.value = true;
    }),
    keepInStep(
      probing.probeModel,
      () =>
        hasImages.value
          ? forPair(probing.modelAttempt.value, (pair) => (follow) => api.model(pair, follow))
          : NOTHING,
      { ...options, keepStale: () => false },
    ),
    keepInStep(
      probing.predictions,
      () => forImage(true, [], (pair, query) => (follow) => api.predictions(pair, query, follow)),
      options,
    ),
    keepInStep(
      probing.channelStrip,
      () => forLayer(true, [], (pair, query) => (follow) => api.channels(pair, query, follow)),
      options,
    ),
    keepInStep(
      probing.patches,
      () => {
        const chosen = channel.value;
        if (chosen === null) return NOTHING;
        const { side, index } = chosen;
        const way = patchWay.value;
        return forLayer(
          shows('patches'),
          [side, index, way],
          (pair, query) => (follow) =>
            api.patches(pair, { ...query, side, channel: index, way, count: PATCHES }, follow),
        );
      },
      { ...options, keepStale: () => false },
    ),
    keepInStep(
      probing.channelMap,
      () => {
        const chosen = channel.value;
        if (chosen === null) return NOTHING;
        const { side, index } = chosen;
        const more = { side, channels: [index], edge: OVERLAY_EDGE };
        return forLayer(
          shows('patches'),
          [side, index],
          (pair, query) => (follow) => api.activationMaps(pair, { ...query, ...more }, follow),
        );
      },
      { ...options, keepStale: () => false },
    ),
    keepInStep(
      probing.activationMaps,
      () => {
        const channels = probing.shownChannels.value;
        if (channels === null || channels.length === 0) return NOTHING;
        const more = { side: 'output', channels, edge: GRID_EDGE } as const;
        return forLayer(
          shows('activations'),
          [channels],
          (pair, query) => (follow) => api.activationMaps(pair, { ...query, ...more }, follow),
        );
      },
      options,
    ),
    keepInStep(
      probing.flow,
      () => {
        const set = currentSet.value;
        if (!probing.flowWanted.value || set === null || readyModel.value === null) return NOTHING;
        const version = latest(probing.imageSets.value)?.version;
        const prepared = preparing.value;
        return forPair(
          [set.id, version, prepared],
          (pair) => (follow) => api.flow(pair, set.id, prepared, follow),
        );
      },
      { ...options, keepStale: (previous) => previous.set === imageSet.value },
    ),
    keepInStep(probing.attribution, () => asked(api, probing.attributionAsk.value), {
      ...options,
      keepStale: () => false,
    }),
    keepInStep(probing.filterAttribution, () => asked(api, probing.filterAttributionAsk.value), {
      ...options,
      keepStale: () => false,
    }),
    effect(forgetAsked),
  ];
  return () => {
    probing.upload.value = null;
    for (const stop of stops) stop();
  };
}

/** Images are given by run: that of b. */
function runOfImages(): string | null {
  return snapshotB.value?.run ?? shownRun.value?.name ?? null;
}

/** Whether this sub-view is on screen. */
function shows(wanted: string): boolean {
  const large = maximised.value;
  return tab.value === wanted && (large === null || large === 'performance');
}

function forPair<T>(more: unknown, ask: (pair: PairOf) => (follow: Follow) => Promise<T>): Plan<T> {
  const pair = readyPair.value;
  if (!pair) return NOTHING;
  return { key: JSON.stringify([pairKey(), more]), ask: ask(pair) };
}

interface ImageAsk {
  readonly image: string;
  readonly preparing: typeof preparing.value;
}

function forImage<T>(
  wanted: boolean,
  more: unknown,
  ask: (pair: PairOf, query: ImageAsk) => (follow: Follow) => Promise<T>,
): Plan<T> {
  const id = currentImage.value?.id;
  if (!wanted || id === undefined || readyModel.value === null) return NOTHING;
  const query = { image: id, preparing: preparing.value };
  return forPair([query, more], (pair) => ask(pair, query));
}

function forLayer<T>(
  wanted: boolean,
  more: unknown,
  ask: (pair: PairOf, query: ImageAsk & { layer: string }) => (follow: Follow) => Promise<T>,
): Plan<T> {
  const name = probeLayer.value?.name;
  if (name === undefined) return NOTHING;
  const plan = forImage(wanted, [name, more], (pair, query) =>
    ask(pair, { ...query, layer: name }),
  );
  return { ...plan, subject: JSON.stringify([name, image.value, preparing.value]) };
}

function asked(api: ProbeApi, ask: probing.AttributionAsk | null): Plan<Attribution> {
  if (ask === null || readyModel.value === null) return NOTHING;
  const prepared = preparing.value;
  const { set, images, layer: within } = ask;
  const query = { set, images, layer: within, preparing: prepared };
  return forPair(query, (pair) => (follow) => api.attribution(pair, query, follow));
}

/** It is expensive: for other snapshots, images or preparation somebody has to ask again. */
function forgetAsked(): void {
  const pair = pairKey();
  const set = imageSet.value;
  const name = layer.value;
  const { attributionAsk, filterAttributionAsk } = probing;
  untracked(() => {
    const ask = attributionAsk.value;
    if (ask && (ask.pair !== pair || ask.set !== set)) attributionAsk.value = null;
    const within = filterAttributionAsk.value;
    if (within && (within.pair !== pair || within.set !== set || within.layer !== name)) {
      filterAttributionAsk.value = null;
    }
  });
}

/** Chooses a set and an image where none are chosen, or where the chosen ones are gone. */
function settleImage(): void {
  if (probing.imageSets.value.status !== 'ready') return;
  const filled = sets.value.filter(({ images }) => images.length > 0);
  const holding = filled.find(({ images }) => images.some(({ id }) => id === image.value));
  const known = filled.find(({ id }) => id === imageSet.value);
  batch(() => {
    if (known === undefined) {
      // An address may name an image or a filter without its set.
      const next = (holding ?? filled[0])?.id ?? null;
      if (imageSet.value === null || holding) imageSet.value = next;
      else selectSet(next);
    }
    const set = currentSet.value;
    if (set && currentImage.value === null) image.value = set.images[0]?.id ?? null;
  });
}

/** A filter that leaves the chosen image out shows the first of those that it keeps. */
function settleFiltered(): void {
  const [first] = shownImages.value;
  if (!isFiltered(imageFilter.value) || !first) return;
  if (needsFlow.value && outcomes.value.size === 0) return;
  const kept = shownImages.value.some(({ id }) => id === image.peek());
  if (!kept) image.value = first.id;
}

/** Drops a channel that the layer does not have. */
function settleChannel(): void {
  const chosen = channel.value;
  const of = probeLayer.value;
  if (chosen === null || of === null) return;
  const count = chosen.side === 'output' ? of.channels : (of.input_channels ?? 0);
  if (chosen.index >= count) untracked(() => (channel.value = null));
}

async function give(api: ProbeApi, files: readonly File[]): Promise<void> {
  const run = runOfImages();
  if (run === null) return;
  const { uploading } = probing;
  uploading.value = { left: uploading.value.left + files.length, problems: [] };
  for (const file of files) {
    let problem: string | null = null;
    try {
      accept(await api.upload(await asUpload(run, file)), file.name);
    } catch (error) {
      if (!isAbort(error)) problem = failureFor(error).message;
    }
    const { left, problems } = uploading.value;
    uploading.value = {
      left: left - 1,
      problems: problem === null ? problems : [...problems, problem],
    };
  }
  probing.imagesAttempt.value += 1;
}

/** Shows the image that was just given. */
function accept(set: ImageSet, name: string): void {
  const before = sets.value.find(({ id }) => id === set.id);
  const known = new Set(before?.images.map(({ id }) => id));
  const added =
    set.images.find(({ id }) => !known.has(id)) ??
    set.images.findLast((entry) => entry.name === name) ??
    set.images.at(-1);
  const listed = latest(probing.imageSets.value);
  batch(() => {
    if (listed) {
      const others = listed.sets.filter(({ id }) => id !== set.id);
      probing.imageSets.value = { status: 'ready', value: { ...listed, sets: [...others, set] } };
    }
    selectSet(set.id);
    image.value = added?.id ?? null;
  });
  announce(`${name} added`);
}
