/** The server's routes as typed functions. */
import { Client, type Decode } from './Client';
import { comparisonOf } from './comparison';
import { KernelApi } from './KernelApi';
import { MatchingApi } from './MatchingApi';
import { ProbeApi } from './ProbeApi';
import { readSafeTensors } from './safetensors';
import type {
  Architecture,
  Changes,
  Comparison,
  Curves,
  Distribution,
  FilterMeasures,
  Listing,
  Measures,
  Trend,
} from './types';
import { type Follow, json, type PairOf, pairQuery } from './wire';

export type { Follow, PairOf } from './wire';

export interface DistributionQuery {
  /** Null takes the whole model. */
  readonly layer: string | null;
  /** Null takes all tensors of the layer. */
  readonly tensor: string | null;
  readonly bins: number;
  readonly levels: number;
}

export class Api {
  readonly kernel: KernelApi;
  /** Probe images, and what both snapshots make of them. */
  readonly probe: ProbeApi;
  /** Which tensor of a is which of b. */
  readonly matching: MatchingApi;

  constructor(readonly client: Client = new Client()) {
    this.kernel = new KernelApi(client);
    this.probe = new ProbeApi(client);
    this.matching = new MatchingApi(client);
  }

  listing(follow: Follow = {}): Promise<Listing> {
    return this.client.get({ url: 'snapshots', decode: json<Listing>, ...follow });
  }

  changes(since: number, follow: Follow = {}): Promise<Changes> {
    return this.client.get({ url: `changes?since=${since}`, decode: json<Changes>, ...follow });
  }

  curves(run: string, follow: Follow = {}): Promise<Curves> {
    const url = `curves?${new URLSearchParams({ run })}`;
    return this.client.get({ url, decode: json<Curves>, ...follow });
  }

  /** How every layer changed from each snapshot to the next; values newer than `since` only. */
  trend(run: string, since: number, follow: Follow = {}): Promise<Trend> {
    const url = `trend?${new URLSearchParams({ run, since: String(since) })}`;
    return this.client.get({ url, decode: json<Trend>, ...follow });
  }

  comparison(pair: PairOf, follow: Follow = {}): Promise<Comparison> {
    const url = `comparison?form=columns&${pairQuery(pair)}`;
    return this.client.get({ url, decode: comparisonOf, immutable: true, ...follow });
  }

  architecture(pair: PairOf, follow: Follow = {}): Promise<Architecture> {
    const url = `architecture?${pairQuery(pair)}`;
    return this.client.get({ url, decode: json<Architecture>, immutable: true, ...follow });
  }

  filters(pair: PairOf, layer: string, follow: Follow = {}): Promise<FilterMeasures> {
    const url = `filters?${pairQuery(pair, { layer })}`;
    return this.client.get({ url, decode: filterMeasures, immutable: true, ...follow });
  }

  distribution(
    pair: PairOf,
    { layer, tensor, bins, levels }: DistributionQuery,
    follow: Follow = {},
  ): Promise<Distribution> {
    const url = `distribution?${pairQuery(pair, {
      ...(layer === null ? {} : { layer }),
      ...(tensor === null ? {} : { tensor }),
      bins: String(bins),
      levels: String(levels),
    })}`;
    return this.client.get({ url, decode: json<Distribution>, immutable: true, ...follow });
  }

  /** Has the directories looked through now. */
  scan(): Promise<void> {
    return this.client.post('scan', {});
  }
}

async function filterMeasures(response: Response): ReturnType<Decode<FilterMeasures>> {
  const buffer = await response.arrayBuffer();
  const { metadata, arrays } = readSafeTensors(buffer);
  const { layer, tensor, filters } = metadata;
  if (layer === undefined || tensor === undefined || filters === undefined) {
    throw new Error('the file names no layer, tensor or number of filters');
  }
  const measures = arrays as Record<keyof Measures, Float64Array>;
  const value = { layer, tensor, filters: Number(filters), measures };
  return { value, bytes: buffer.byteLength };
}
