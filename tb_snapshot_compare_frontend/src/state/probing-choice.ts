/**
 * What is chosen in the performance view beyond the channel: image, set, filter, sub-view, and how
 * images become input. Part of the one selection; `state/url.ts` mirrors it.
 */
import { batch, signal } from '@preact/signals';
import type { Preparing } from '../client/types';

/** What becomes of an image from a to b, by its label; `changed` needs none. */
export type Outcome = 'rr' | 'rw' | 'wr' | 'ww' | 'changed';
export type ProbeTab = 'predictions' | 'patches' | 'flow' | 'activations' | 'layers';
export type PatchWay = 'crop' | 'field';
export type ImageOrder = 'listed' | 'gain' | 'loss';

/** Images that fulfil all that is not null. */
export interface ImageFilter {
  readonly label: number | null;
  readonly outcome: Outcome | null;
  readonly predictedA: number | null;
  readonly predictedB: number | null;
}

/** One field per signal; null and the first of each choice are left out of the address. */
export interface ProbingChoice {
  readonly tab: ProbeTab;
  readonly set: string | null;
  readonly image: string | null;
  readonly filter: ImageFilter;
  readonly order: ImageOrder;
  readonly way: PatchWay;
  readonly preparing: Preparing;
}

export const OUTCOMES: readonly Outcome[] = ['rr', 'rw', 'wr', 'ww', 'changed'];
export const PROBE_TABS: readonly ProbeTab[] = [
  'predictions',
  'patches',
  'flow',
  'activations',
  'layers',
];
export const PATCH_WAYS: readonly PatchWay[] = ['crop', 'field'];
export const IMAGE_ORDERS: readonly ImageOrder[] = ['listed', 'gain', 'loss'];
export const RESIZES = ['stretch', 'crop', 'pad'] as const;
export const SCALES = ['none', 'unit', 'signed'] as const;
export const CHANNEL_ORDERS = ['rgb', 'bgr'] as const;

export const NO_FILTER: ImageFilter = {
  label: null,
  outcome: null,
  predictedA: null,
  predictedB: null,
};
/** Everything is left to the server, which knows the model. */
export const AS_THE_MODEL: Preparing = {
  resize: null,
  scale: null,
  order: null,
  mean: [],
  std: [],
};

export const tab = signal<ProbeTab>('predictions');
/** Ids; null until the page or the user has chosen. */
export const imageSet = signal<string | null>(null);
export const image = signal<string | null>(null);
export const imageFilter = signal<ImageFilter>(NO_FILTER);
export const imageOrder = signal<ImageOrder>('listed');
export const patchWay = signal<PatchWay>('crop');
export const preparing = signal<Preparing>(AS_THE_MODEL);

export function currentProbing(): ProbingChoice {
  return {
    tab: tab.value,
    set: imageSet.value,
    image: image.value,
    filter: imageFilter.value,
    order: imageOrder.value,
    way: patchWay.value,
    preparing: preparing.value,
  };
}

export function applyProbing(choice: ProbingChoice): void {
  batch(() => {
    tab.value = choice.tab;
    imageSet.value = choice.set;
    image.value = choice.image;
    imageFilter.value = choice.filter;
    imageOrder.value = choice.order;
    patchWay.value = choice.way;
    preparing.value = choice.preparing;
  });
}

/** A set carries its own images and classes: choosing another drops the filter. */
export function selectSet(id: string | null): void {
  if (imageSet.value === id) return;
  batch(() => {
    imageSet.value = id;
    image.value = null;
    imageFilter.value = NO_FILTER;
  });
}

export function isFiltered(filter: ImageFilter): boolean {
  return Object.values(filter).some((part) => part !== null);
}

export function isAsTheModel({ resize, scale, order, mean, std }: Preparing): boolean {
  return !resize && !scale && !order && mean.length === 0 && std.length === 0;
}
