/** The routes of the performance view as typed functions. */
import type { Client, Decode } from './Client';
import { readTensors } from './safetensors';
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
    return this.client.get({ url, decode: activationMaps, immutable: true, ...follow });
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

/** As many of these ids, from the first on, as a request can name. */
export function nameable(images: readonly string[]): readonly string[] {
  let room = IMAGES_MAX_CHARACTERS;
  let count = 0;
  for (const id of images) {
    room -= id.length + 1;
    if (room < 0) break;
    count += 1;
  }
  return images.slice(0, count);
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

async function activationMaps(response: Response): ReturnType<Decode<ActivationMaps>> {
  const buffer = await response.arrayBuffer();
  const { metadata, tensors } = readTensors(buffer);
  const { a, b, difference } = tensors;
  if (!a || !b || !difference) throw new Error('the file holds no maps of a and b');
  const [count = 0, height = 0, width = 0] = a.shape;
  const named = tensors.channels ? [...tensors.channels.values] : listed(metadata.channels);
  if (a.shape.length !== 3 || b.values.length !== a.values.length || named.length !== count) {
    throw new Error(`the file holds ${count} maps of ${named.length} channels`);
  }
  const value = {
    channels: named,
    height,
    width,
    a: Float32Array.from(a.values),
    b: Float32Array.from(b.values),
    difference: Float64Array.from(difference.values),
  };
  return { value, bytes: buffer.byteLength };
}

/** `0,3,20`, or the same as JSON. */
function listed(channels: string | undefined): number[] {
  return (channels ?? '')
    .replace(/[[\]\s]/g, '')
    .split(',')
    .filter(Boolean)
    .map(Number);
}
