/** Answers the page's requests from fixtures, as the server would. */
import type { Comparison, Job, Listing, Snapshot } from '../../src/client/types';
import {
  architectureOf,
  comparisonOf,
  curvesOf,
  distributionOf,
  filtersOf,
  listingOf,
} from './fixtures';

export interface FakeServerOptions {
  readonly listing?: Listing;
  readonly compare?: (a: Snapshot, b: Snapshot) => Comparison;
  /** Answers 202 with this job for ever. */
  readonly job?: Job;
  /** A route that answers with an error. */
  readonly failing?: { readonly route: string; readonly status: number; readonly message: string };
  readonly curvesEpochs?: number;
}

export class FakeServer {
  readonly requests: string[] = [];
  listing: Listing;
  failing: FakeServerOptions['failing'];

  constructor(private readonly options: FakeServerOptions = {}) {
    this.listing = options.listing ?? listingOf();
    this.failing = options.failing;
  }

  readonly fetch = async (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
    init?.signal?.throwIfAborted();
    const url = new URL(String(input), 'http://fake/');
    const route = url.pathname.slice(1);
    this.requests.push(`${route}${url.search}`);
    if (this.failing?.route === route) {
      const { status, message } = this.failing;
      return json({ error: { code: 'failed', message } }, status);
    }
    return this.answer(route, url.searchParams);
  };

  private answer(route: string, query: URLSearchParams): Response {
    const { version, scanning } = this.listing;
    switch (route) {
      case 'snapshots':
        return json(this.listing);
      case 'changes':
        return json({ version, scanning });
      case 'scan':
      case 'cancel':
        return json({ ok: true });
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
        return json(architectureOf());
      case 'filters':
        return new Response(filtersOf(layer ?? ''));
      case 'distribution':
        return json(distributionOf(layer, Number(query.get('bins')), Number(query.get('levels'))));
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
