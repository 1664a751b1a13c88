/** Effects that keep the resources in step with the selection, and both with the address. */
import { effect, untracked } from '@preact/signals';
import type { Api, PairOf } from '../client/Api';
import { isAbort } from '../client/failure';
import type { Listing } from '../client/types';
import { pairIds } from '../client/wire';
import { announce, attempt, retryFailed } from './environment';
import { type Ask, failureFor, keepInStep, type Plan } from './fetching';
import { followKernel } from './kernel-following';
import { followMatching } from './matching-loader';
import { imagesAttempt } from './probing';
import { followProbing } from './probing-loader';
import {
  architecture,
  comparison,
  curves,
  distribution,
  filterMeasures,
  latest,
  listing,
} from './resources';
import { a, b, bins, layer, levels, tensor } from './selection';
import {
  choosingLayer,
  rememberReady,
  settleFirstLayer,
  settleLayer,
  settleParts,
  settleSnapshots,
  settleTensor,
} from './settle';
import { readyPair, shownRun, snapshotsById } from './snapshots';
import { comparedLayers, kernelLayers } from './tensors';
import { page, training } from './training';
import { curvesAttempt, trainingVersion } from './training-data';
import { joinTrend, trend, trendWaits } from './trend';
import { applyShared, currentShared, decode, encode, type Keys } from './url';
import { waitWhileHidden } from './waiting';

const POLL_MS = 3000;
/** While a training run writes, so that a snapshot is on show as soon as it can be read. */
const LIVE_POLL_MS = 500;
/** A run that has written so recently will write again. */
const LIVE_SECONDS = 180;
/** While snapshots are compared with those before them. */
const TREND_POLL_MS = 1000;
/** While the first scan runs, so that the page fills as soon as something is found. */
const SCANNING_POLL_MS = 500;
/** A training run logs scalars between its snapshots. */
const CURVES_POLLS = 10;

export interface AddressBar {
  read(): Keys;
  write(keys: Keys): void;
  watch(onChange: (keys: Keys) => void): () => void;
}

export class Loader {
  private readonly stops: (() => void)[] = [];
  private readonly ended = new AbortController();
  private curvesVersion = 0;
  private trendAsked = 0;

  constructor(
    private readonly api: Api,
    private readonly address: AddressBar,
  ) {}

  start(): void {
    applyShared(decode(this.address.read()));
    choosingLayer.value = a.value === null && b.value === null && layer.value === null;
    this.stops.push(
      this.address.watch((keys) => {
        // Another tab of TensorBoard has keys of its own, and none of ours.
        if (Object.keys(keys).length > 0) applyShared(decode(keys));
        this.settle();
      }),
      effect(() => this.address.write(encode(currentShared()))),
      effect(settleFirstLayer),
      effect(settleLayer),
      effect(settleTensor),
      effect(settleParts),
      effect(() => {
        if (attempt.value > 0 && untracked(() => listing.value.status) === 'failed') {
          untracked(() => void this.refreshListing());
        }
      }),
      this.followComparison(),
      this.followArchitecture(),
      // Before the distribution: the map is the one view that asks again once it is answered.
      ...followKernel(this.api.kernel, () => this.refreshListing()),
      this.followDistribution(),
      this.followFilters(),
      this.followCurves(),
      this.followTrend(),
      effect(rememberReady),
      followMatching(this.api.matching, () => this.refreshListing()),
      followProbing(this.api.probe, () => this.refreshListing()),
      this.followTraining(),
      effect(announceComparison),
    );
    void this.poll();
  }

  stop(): void {
    this.ended.abort();
    for (const stop of this.stops.splice(0)) stop();
  }

  /** TensorBoard's reload button: look through the directories now. */
  async reload(): Promise<void> {
    try {
      await this.api.scan();
    } catch (error) {
      this.listingFailed(error);
      return;
    }
    await this.refreshListing();
    this.refreshCurves();
    imagesAttempt.value += 1;
  }

  private followComparison(): () => void {
    const onStale = () => this.refreshListing();
    return keepInStep(
      comparison,
      () => this.forPair('', (pair) => (follow) => this.api.comparison(pair, follow)),
      { onStale },
    );
  }

  private followArchitecture(): () => void {
    const onStale = () => this.refreshListing();
    return keepInStep(
      architecture,
      () => this.forPair('', (pair) => (follow) => this.api.architecture(pair, follow)),
      { onStale },
    );
  }

  private followDistribution(): () => void {
    const onStale = () => this.refreshListing();
    return keepInStep(
      distribution,
      () => {
        // The layer that will be chosen is asked for, not the whole model before it; a layer
        // without weights is not.
        if (choosingLayer.value || !mayHaveWeights(layer.value)) return { key: '', ask: null };
        const query = {
          layer: layer.value,
          tensor: tensor.value,
          bins: bins.value,
          levels: levels.value,
        };
        return this.forPair(
          JSON.stringify(query),
          (pair) => (follow) => this.api.distribution(pair, query, follow),
        );
      },
      { onStale },
    );
  }

  private followFilters(): () => void {
    const onStale = () => this.refreshListing();
    return keepInStep(
      filterMeasures,
      () => {
        const name = layer.value;
        const kernels = kernelLayers.value;
        if (name === null || !kernels?.has(name)) return { key: '', ask: null };
        return this.forPair(name, (pair) => (follow) => this.api.filters(pair, name, follow));
      },
      { onStale, keepStale: (previous) => previous.layer === layer.value },
    );
  }

  private followCurves(): () => void {
    return keepInStep(
      curves,
      () => {
        const name = shownRun.value?.name;
        if (name === undefined) return { key: '', ask: null };
        return { key: name, ask: (follow) => this.api.curves(name, follow) };
      },
      { keepStale: (previous) => previous.run === shownRun.value?.name },
    );
  }

  private followTrend(): () => void {
    return effect(() => {
      const name = shownRun.value?.name;
      if (page.value !== 'compare') return;
      untracked(() => {
        if (trend.value?.run === name) return;
        trend.value = null;
        this.refreshTrend();
      });
    });
  }

  /** What follows a training is fetched when the Training page is first on show. */
  private followTraining(): () => void {
    let wanted = false;
    return effect(() => {
      if (wanted || page.value !== 'training') return;
      wanted = true;
      import('./training-loader').then(
        ({ followTraining }) => {
          if (!this.ended.signal.aborted) this.stops.push(followTraining(this.api.client));
        },
        () => {
          const message = 'A part of the page could not be loaded. Reload the page.';
          training.value = {
            status: 'failed',
            failure: { code: 'unloadable', message },
            stale: null,
          };
        },
      );
    });
  }

  /** Quietly: what is known of the run's trend grows in the background. */
  private refreshTrend(): void {
    const name = shownRun.value?.name;
    if (name === undefined || page.value !== 'compare') return;
    const known = trend.value?.run === name ? trend.value : null;
    this.trendAsked += 1;
    const asked = this.trendAsked;
    this.api.trend(name, known?.version ?? 0, { signal: this.ended.signal }).then(
      (value) => {
        if (asked === this.trendAsked && shownRun.value?.name === name) {
          trend.value = joinTrend(known, value);
        }
      },
      // The next look tells whether the server is gone.
      () => undefined,
    );
  }

  private forPair<T>(more: string, ask: (pair: PairOf) => NonNullable<Ask<T>>): Plan<T> {
    const pair = readyPair.value;
    if (!pair) return { key: '', ask: null };
    const ids = pairIds(pair);
    return { key: JSON.stringify([...ids, more]), ask: ask(pair), of: JSON.stringify(ids) };
  }

  private async poll(): Promise<void> {
    const { signal } = this.ended;
    try {
      await this.refreshListing();
      for (let count = 1; ; count += 1) {
        const known = latest(listing.value);
        await waitWhileHidden(pollPause(known), signal);
        await this.look(known);
        if (count % CURVES_POLLS === 0) this.refreshCurves();
      }
    } catch (error) {
      if (!isAbort(error)) throw error;
    }
  }

  private async look(known: Listing | null): Promise<void> {
    const { signal } = this.ended;
    if (!known || listing.value.status === 'failed') return this.refreshListing();
    try {
      const {
        version,
        scanning,
        trend: newest,
        training: log,
      } = await this.api.changes(known.version, { signal });
      trainingVersion.value = log;
      if (version !== known.version) await this.refreshListing();
      else if (scanning !== known.scanning) this.accept({ ...known, scanning });
      if (version !== known.version || newest !== trend.value?.version) this.refreshTrend();
    } catch (error) {
      this.listingFailed(error);
    }
  }

  private async refreshListing(): Promise<void> {
    const stale = latest(listing.value);
    if (!stale) listing.value = { status: 'loading', job: null, stale };
    try {
      this.accept(await this.api.listing({ signal: this.ended.signal }));
    } catch (error) {
      this.listingFailed(error);
    }
  }

  private accept(value: Listing): void {
    const before = listing.value.status === 'ready' ? snapshotsById.value : null;
    const recovered = listing.value.status === 'failed';
    listing.value = { status: 'ready', value };
    this.settle();
    if (before) announceNew(before);
    // What failed while TensorBoard was away.
    if (recovered) retryFailed();
  }

  private settle(): void {
    if (listing.value.status === 'ready') settleSnapshots(listing.value.value);
  }

  private listingFailed(error: unknown): void {
    if (isAbort(error)) return;
    const stale = latest(listing.value);
    listing.value = { status: 'failed', failure: failureFor(error), stale };
  }

  /** Quietly: the curves on screen stay until the longer ones are there. */
  private refreshCurves(): void {
    curvesAttempt.value += 1;
    const name = shownRun.value?.name;
    if (name === undefined || curves.value.status !== 'ready') return;
    if (page.value !== 'compare') return;
    this.curvesVersion += 1;
    const version = this.curvesVersion;
    this.api.curves(name, { signal: this.ended.signal }).then(
      (value) => {
        if (version === this.curvesVersion && shownRun.value?.name === name) {
          curves.value = { status: 'ready', value };
        }
      },
      // The next look tells whether the server is gone.
      () => undefined,
    );
  }
}

/** How long the page waits before it asks for changes again. */
function pollPause(known: Listing | null): number {
  if (known?.scanning && known.runs.length === 0) return SCANNING_POLL_MS;
  const since = Date.now() / 1000 - LIVE_SECONDS;
  const live = [...snapshotsById.value.values()].some(({ modified }) => modified > since);
  if (live) return LIVE_POLL_MS;
  return trendWaits.value ? TREND_POLL_MS : POLL_MS;
}

/** A layer of which nothing is compared has no distribution; while that is not known, wait. */
function mayHaveWeights(name: string | null): boolean {
  if (name === null) return true;
  const known = comparedLayers.value;
  return known ? known.has(name) : comparison.value.status === 'failed';
}

function announceNew(before: ReadonlyMap<string, unknown>): void {
  const added = [...snapshotsById.value.values()].filter(({ id }) => !before.has(id));
  const newest = added.at(-1);
  if (newest) {
    announce(
      added.length === 1 ? `New snapshot: ${newest.label}` : `${added.length} new snapshots`,
    );
  }
}

function announceComparison(): void {
  const resource = comparison.value;
  if (resource.status === 'failed') announce(`Comparison failed: ${resource.failure.message}`);
  if (resource.status !== 'ready') return;
  const { a, b, coverage } = resource.value;
  announce(
    `Compared ${a.label} with ${b.label}: ${coverage.tensors_compared} of ` +
      `${coverage.tensors_total} tensors`,
  );
}
