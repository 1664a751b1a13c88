/**
 * The kernel of the selected layer as a map. Views read these and never fetch;
 * `state/kernel-following.ts` keeps them in step with the selection.
 */
import { computed, signal } from '@preact/signals';
import type {
  AreaDistribution,
  KernelMap,
  KernelPlaces,
  KernelSlice,
  Located,
} from '../client/types';
import type { Resource } from './resources';
import { kernelTensor, tensor } from './selection';

export const kernelMap = signal<Resource<KernelMap>>({ status: 'idle' });
/** The stored index at each place of the map; idle where both orders are by index. */
export const kernelPlaces = signal<Resource<KernelPlaces>>({ status: 'idle' });
/** The slice that is looked at. */
export const kernelSlice = signal<Resource<KernelSlice>>({ status: 'idle' });
/** How much of the map lies in the selected cells of the distribution. */
export const located = signal<Resource<Located>>({ status: 'idle' });
/** The distribution of the brushed area. */
export const areaDistribution = signal<Resource<AreaDistribution>>({ status: 'idle' });

/** Transient: stored indices of the slice under the pointer, the cursor or the card. */
export const inspected = signal<{ readonly row: number; readonly column: number } | null>(null);

/** The tensor to show; null leaves it to the server: the largest of the layer. */
export const chosenTensor = computed(() => tensor.value ?? kernelTensor.value);

/** A tile of a level of detail: its place counts tiles. */
export interface TileAddress {
  readonly level: number;
  readonly row: number;
  readonly column: number;
}

/** Bits of float16, tile after tile, each cropped to its level. */
export type FetchTiles = (
  tiles: readonly TileAddress[],
  signal: AbortSignal,
) => Promise<Uint16Array>;

/** What a map is painted from; a new object whenever any tile would be another. */
export interface TileFeed {
  readonly map: KernelMap;
  /** What a value of 1 in a tile stands for. */
  readonly unit: number;
  readonly fetch: FetchTiles;
}

/** The quantity on show. */
export const shownTiles = signal<TileFeed | null>(null);
/** How many weights of the selected cells lie under a pixel; null while none is selected. */
export const locatedTiles = signal<TileFeed | null>(null);
/** What the table and the files of the view are made of: fetched when they are asked for. */
export const differenceTiles = signal<TileFeed | null>(null);
