/** Answers the page's requests from fixtures, as the server would. */
import type { Comparison, Job, Listing, Snapshot, Trend, Upload } from '../../src/client/types';
import { FakeProbing, type ProbingOptions } from './fake-probing';
import {
  architectureOf,
  comparisonOf,
  curvesOf,
  distributionOf,
  filtersOf,
  listingOf,
} from './fixtures';
import {
  areaDistributionOf,
  kernelMapOf,
  locatedOf,
  placesOf,
  sliceOf,
  tilesOf,
} from './kernel-fixture';
import { emptyTraining, FakeTraining, type FakeTrainingOptions } from './training/fake-training';
import { networkOf } from './training/network';
import { RUN, UNITS } from './training/plan';

export interface FakeServerOptions {
  readonly listing?: Listing;
  readonly compare?: (a: Snapshot, b: Snapshot) => Comparison;
  /** Answers 202 with this job for ever. */
  readonly job?: Job;
  /** A route that answers with an error. */
  readonly failing?: {
    readonly route: string;
    readonly status: number;
    readonly message: string;
    readonly code?: string;
  };
  readonly curvesEpochs?: number;
  /** No probe images unless given. */
  readonly probing?: ProbingOptions;
  /** No snapshot is compared with the one before it unless given. */
  readonly trend?: Trend;
  /** Nothing is known of the training unless given. */
  readonly training?: FakeTrainingOptions;
  /** Routes that answer 202 with this job for ever. */
  readonly pending?: { readonly routes: readonly string[]; readonly job: Job };
}

export class FakeServer {
  readonly requests: string[] = [];
  listing: Listing;
  failing: FakeServerOptions['failing'];
  readonly probing: FakeProbing;
  pending: FakeServerOptions['pending'];
  trend: Trend | undefined;
  readonly training: FakeTraining | null;

  constructor(private readonly options: FakeServerOptions = {}) {
    this.listing = options.listing ?? listingOf();
    this.failing = options.failing;
    this.pending = options.pending;
    this.trend = options.trend;
    this.training = options.training ? new FakeTraining(options.training) : null;
    this.probing = new FakeProbing(options.probing ?? { images: 0 });
  }

  readonly fetch = async (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
    init?.signal?.throwIfAborted();
    const url = new URL(String(input), 'http://fake/');
    const route = url.pathname.slice(1);
    this.requests.push(`${route}${url.search}`);
    if (this.failing?.route === route) {
      const { status, message, code = 'failed' } = this.failing;
      return json({ error: { code, message } }, status);
    }
    if (this.pending?.routes.includes(route)) return json(this.pending.job, 202);
    if (route === 'upload') {
      const { name } = JSON.parse(String(init?.body)) as Upload;
      return json(this.probing.upload(name));
    }
    return this.answer(route, url.searchParams);
  };

  private answer(route: string, query: URLSearchParams): Response {
    const { version, scanning } = this.listing;
    const told = this.training?.answer(route, query);
    if (told) return told;
    switch (route) {
      case 'snapshots':
        return json(this.listing);
      case 'changes':
        return json({
          version,
          scanning,
          trend: this.trend?.version ?? 0,
          training: this.training?.version ?? 0,
        });
      case 'training':
        return json(emptyTraining(query.get('run') ?? ''));
      case 'training_curves':
        return json({ run: query.get('run'), curves: [] });
      case 'trend':
        return this.trend
          ? json({ ...this.trend, run: query.get('run') })
          : json({ error: { code: 'not_found', message: 'no trend' } }, 404);
      case 'scan':
      case 'cancel':
        return json({ ok: true });
      case 'images':
        return json(this.probing.sets(query.get('run') ?? ''));
      case 'curves':
        return json(curvesOf(query.get('run') ?? '', this.options.curvesEpochs));
      default:
        return this.answerForPair(route, query);
    }
  }

  private answerForPair(route: string, query: URLSearchParams): Response {
    const [a, b] = [this.find(query.get('a')), this.find(query.get('b'))];
    if (!a || !b) return json({ error: { code: 'gone', message: 'No such snapshot.' } }, 410);
    if (a.generation !== query.get('ga') || b.generation !== query.get('gb')) {
      return json({ error: { code: 'changed', message: 'The snapshot was overwritten.' } }, 409);
    }
    if (this.options.job) return json(this.options.job, 202);
    const layer = query.get('layer');
    const { compare = comparisonOf } = this.options;
    switch (route) {
      case 'comparison':
        return json(compare(a, b));
      case 'architecture':
        return json(a.run === RUN ? networkOf(UNITS) : architectureOf());
      case 'filters':
        return new Response(filtersOf(layer ?? ''));
      case 'distribution':
        return json(distributionOf(layer, Number(query.get('bins')), Number(query.get('levels'))));
      case 'kernel':
        return json(kernelMapOf(layer ?? '', query));
      case 'kernel_tiles':
        return new Response(tilesOf(layer ?? '', query));
      case 'kernel_order':
        return new Response(placesOf(layer ?? '', query));
      case 'kernel_slice':
        return json(sliceOf(layer ?? '', query));
      case 'located':
        return json(locatedOf(layer ?? '', query));
      case 'area_distribution':
        return json(areaDistributionOf(layer ?? '', query));
      default:
        return this.answerProbe(route, query);
    }
  }

  private answerProbe(route: string, query: URLSearchParams): Response {
    const text = (name: string) => query.get(name) ?? '';
    switch (route) {
      case 'probe_model':
        return json(this.probing.model());
      case 'predictions':
        return json(this.probing.predictions(text('image')));
      case 'channels':
        return json(this.probing.channels(text('image'), text('layer')));
      case 'activation_maps': {
        const channels = text('channels').split(',').map(Number);
        const edge = Number(text('edge'));
        return new Response(this.probing.maps(text('image'), text('layer'), channels, edge));
      }
      case 'patches': {
        const way = text('way') === 'field' ? 'field' : 'crop';
        return json(
          this.probing.patches(text('image'), text('layer'), Number(text('channel')), way),
        );
      }
      case 'flow':
        return json(this.probing.flow(text('set')));
      case 'attribution': {
        const images = query.get('images')?.split(',').length;
        const all = this.probing.flow(text('set')).images.length;
        return json(this.probing.attribution(images ?? all, query.get('layer')));
      }
      default:
        return json({ error: { code: 'not_found', message: `no route ${route}` } }, 404);
    }
  }

  private find(id: string | null): Snapshot | undefined {
    return this.listing.runs.flatMap((run) => run.snapshots).find((entry) => entry.id === id);
  }
}

function json(body: unknown, status = 200): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: { 'Content-Type': 'application/json' },
  });
}
