/**
 * What both snapshots make of the probe images. Views read these and never fetch;
 * `state/probing-loader.ts` keeps them in step with the selection.
 */
import { signal } from '@preact/signals';
import { type ImageSize, imageAddress } from '../client/ProbeApi';
import type {
  ActivationMaps,
  Attribution,
  ChannelStrip,
  Flow,
  ImageSets,
  Patches,
  Predictions,
  ProbeModel,
} from '../client/types';
import type { Resource } from './resources';

export const imageSets = signal<Resource<ImageSets>>({ status: 'idle' });
export const probeModel = signal<Resource<ProbeModel>>({ status: 'idle' });
/** Of the chosen image. */
export const predictions = signal<Resource<Predictions>>({ status: 'idle' });
/** How much the maps of each channel differ, of the selected layer and for the chosen image. */
export const channelStrip = signal<Resource<ChannelStrip>>({ status: 'idle' });
/** Of the selected channel. */
export const patches = signal<Resource<Patches>>({ status: 'idle' });
/** Of the selected channel. */
export const channelMap = signal<Resource<ActivationMaps>>({ status: 'idle' });
/** Of the channels on the page of the grid that is on screen. */
export const activationMaps = signal<Resource<ActivationMaps>>({ status: 'idle' });
/** Of all images of the chosen set. */
export const flow = signal<Resource<Flow>>({ status: 'idle' });
/** By layer. */
export const attribution = signal<Resource<Attribution>>({ status: 'idle' });
/** By group of filters of one layer. */
export const filterAttribution = signal<Resource<Attribution>>({ status: 'idle' });

/** What was asked for by a button; it holds for one pair of snapshots. */
export interface AttributionAsk {
  /** Of the pair for which it was asked. */
  readonly pair: string;
  readonly set: string;
  /** Null takes all of the set. */
  readonly images: readonly string[] | null;
  /** Images that were chosen, of which `images` may name a part. */
  readonly chosen: number | null;
  /** Null compares layers, a name the groups of its filters. */
  readonly layer: string | null;
}

export const attributionAsk = signal<AttributionAsk | null>(null);
export const filterAttributionAsk = signal<AttributionAsk | null>(null);
/** All images are run once somebody wants to see what becomes of them. */
export const flowWanted = signal(false);
/** Channels that the grid shows; null while it is not on screen. */
export const shownChannels = signal<readonly number[] | null>(null);
/** Raised to have the images listed anew. */
export const imagesAttempt = signal(0);

/** Raised to have the networks built anew. */
export const modelAttempt = signal(0);

export interface Uploading {
  readonly left: number;
  readonly problems: readonly string[];
}

export const uploading = signal<Uploading>({ left: 0, problems: [] });
/** Set while the page runs: gives picture files to the server. */
export const upload = signal<((files: readonly File[]) => void) | null>(null);
/** Where the picture of an image is, as the `src` of an element. */
export const pictureAddress = signal<(image: string, size: ImageSize) => string>(imageAddress);
