/** The routes of the performance view as typed functions. */
import type { Client, Decode } from './Client';
import type { MapStack } from './probing-types';
import { readTensors, type Tensor } from './safetensors';
import type {
  ActivationMaps,
  Attribution,
  ChannelStrip,
  Flow,
  ImageSet,
  ImageSets,
  Patches,
  Predictions,
  Preparing,
  ProbeModel,
  Upload,
} from './types';
import { type Follow, json, type PairOf, pairQuery } from './wire';

/** Beyond this many characters a request line may be refused on its way. */
const IMAGES_MAX_CHARACTERS = 24_000;
/** The server runs no more of a set while it swaps layers. */
const IMAGES_MAX = 256;

export type ImageSize = 'thumb' | 'full';

export interface ImageQuery {
  readonly image: string;
  readonly preparing: Preparing;
}

export interface LayerQuery extends ImageQuery {
  readonly layer: string;
}

export interface ChannelQuery extends LayerQuery {
  readonly side: 'output' | 'input';
  readonly channels: readonly number[];
  readonly edge: number;
}

export interface PatchQuery extends LayerQuery {
  readonly side: 'output' | 'input';
  readonly channel: number;
  readonly way: 'crop' | 'field';
  readonly count: number;
}

export interface AttributionQuery {
  readonly set: string;
  readonly preparing: Preparing;
  /** Null takes all of the set. */
  readonly images: readonly string[] | null;
  /** Null compares the layers with each other, a name the groups of its filters. */
  readonly layer: string | null;
}

export class ProbeApi {
  constructor(private readonly client: Client) {}

  images(run: string, follow: Follow = {}): Promise<ImageSets> {
    const url = `images?${new URLSearchParams({ run })}`;
    return this.client.get({ url, decode: json<ImageSets>, ...follow });
  }

  upload(body: Upload): Promise<ImageSet> {
    return this.client.command('upload', body, json<ImageSet>);
  }

  model(pair: PairOf, follow: Follow = {}): Promise<ProbeModel> {
    const url = `probe_model?${pairQuery(pair)}`;
    return this.client.get({ url, decode: json<ProbeModel>, ...follow });
  }

  predictions(pair: PairOf, query: ImageQuery, follow: Follow = {}): Promise<Predictions> {
    const url = `predictions?${pairQuery(pair, imageKeys(query))}`;
    return this.client.get({ url, decode: json<Predictions>, immutable: true, ...follow });
  }

  channels(pair: PairOf, query: LayerQuery, follow: Follow = {}): Promise<ChannelStrip> {
    const url = `channels?${pairQuery(pair, layerKeys(query))}`;
    return this.client.get({ url, decode: json<ChannelStrip>, immutable: true, ...follow });
  }

  activationMaps(pair: PairOf, query: ChannelQuery, follow: Follow = {}): Promise<ActivationMaps> {
    const channels = [...query.channels].sort((x, y) => x - y);
    const url = `activation_maps?${pairQuery(pair, {
      ...layerKeys(query),
      side: query.side,
      channels: channels.join(','),
      edge: String(query.edge),
    })}`;
    const decode = (response: Response) => activationMaps(response, query);
    return this.client.get({ url, decode, immutable: true, ...follow });
  }

  patches(pair: PairOf, query: PatchQuery, follow: Follow = {}): Promise<Patches> {
    const url = `patches?${pairQuery(pair, {
      ...layerKeys(query),
      side: query.side,
      channel: String(query.channel),
      way: query.way,
      count: String(query.count),
    })}`;
    return this.client.get({ url, decode: json<Patches>, immutable: true, ...follow });
  }

  /** A set may grow under its id: the answer is not kept. */
  flow(pair: PairOf, set: string, preparing: Preparing, follow: Follow = {}): Promise<Flow> {
    const url = `flow?${pairQuery(pair, { set, ...preparingKeys(preparing) })}`;
    return this.client.get({ url, decode: json<Flow>, ...follow });
  }

  attribution(
    pair: PairOf,
    { set, preparing, images, layer }: AttributionQuery,
    follow: Follow = {},
  ): Promise<Attribution> {
    const url = `attribution?${pairQuery(pair, {
      set,
      ...preparingKeys(preparing),
      ...(images === null ? {} : { images: images.join(',') }),
      ...(layer === null ? {} : { layer }),
    })}`;
    return this.client.get({ url, decode: json<Attribution>, ...follow });
  }
}

/** As the `src` of an image. */
export function imageAddress(image: string, size: ImageSize): string {
  return `./image?${new URLSearchParams({ image, size })}`;
}

/** As many of these ids as a request can name, spread evenly over them. */
export function nameable(images: readonly string[]): readonly string[] {
  let named = images;
  for (let count = IMAGES_MAX; !fitsRequest(named); count -= 1) named = spread(images, count);
  return named;
}

function fitsRequest(images: readonly string[]): boolean {
  return images.length <= IMAGES_MAX && images.join(',').length <= IMAGES_MAX_CHARACTERS;
}

/** The first, the last, and what lies evenly between them. */
function spread<T>(all: readonly T[], count: number): readonly T[] {
  if (all.length <= count) return all;
  const step = (all.length - 1) / Math.max(1, count - 1);
  return Array.from({ length: count }, (_, at) => all[Math.round(at * step)] as T);
}

function imageKeys({ image, preparing }: ImageQuery): Record<string, string> {
  return { image, ...preparingKeys(preparing) };
}

function layerKeys(query: LayerQuery): Record<string, string> {
  return { ...imageKeys(query), layer: query.layer };
}

function preparingKeys({ resize, scale, order, mean, std }: Preparing): Record<string, string> {
  return {
    ...(resize && { resize }),
    ...(scale && { scale }),
    ...(order && { order }),
    ...(mean.length > 0 && { mean: mean.join(',') }),
    ...(std.length > 0 && { std: std.join(',') }),
  };
}

async function activationMaps(
  response: Response,
  { image, layer }: LayerQuery,
): ReturnType<Decode<ActivationMaps>> {
  const buffer = await response.arrayBuffer();
  const { metadata, tensors } = readTensors(buffer);
  const { a, b, difference } = tensors;
  if (!a || !b || !difference) throw new Error('the file holds no maps of a and b');
  const named = tensors.channels ? [...tensors.channels.values] : listed(metadata.channels);
  for (const { shape } of [a, b]) {
    if (shape.length !== 3 || shape[0] !== named.length) {
      throw new Error(`the file holds ${shape[0]} maps of ${named.length} channels`);
    }
  }
  const value = {
    image,
    layer,
    channels: named,
    a: mapStack(a),
    b: mapStack(b),
    // Both may have been shrunk to the same size.
    sameSize: metadata.size_a === metadata.size_b && a.shape.join() === b.shape.join(),
    difference: Float64Array.from(difference.values),
  };
  return { value, bytes: buffer.byteLength };
}

function mapStack({ shape: [, height = 0, width = 0], values }: Tensor): MapStack {
  return { height, width, values: Float32Array.from(values) };
}

/** `0,3,20`, or the same as JSON. */
function listed(channels: string | undefined): number[] {
  return (channels ?? '')
    .replace(/[[\]\s]/g, '')
    .split(',')
    .filter(Boolean)
    .map(Number);
}
