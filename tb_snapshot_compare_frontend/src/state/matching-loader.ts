/** Keeps the matching in step with the pair while its dialog is open, and carries out choices. */
import { computed } from '@preact/signals';
import { RequestFailure } from '../client/failure';
import type { MatchingApi } from '../client/MatchingApi';
import type { Match, Matches } from '../client/types';
import { type Follow, pairIds } from '../client/wire';
import { announce } from './environment';
import { keepInStep } from './fetching';
import {
  type Choice,
  type Corrections,
  chosen,
  correcting,
  corrector,
  matches,
  matchingShown,
  present,
  refusal,
  undoable,
  unsaved,
} from './matching';
import { latest, listing } from './resources';
import { type Pair, readyPair, type Side } from './snapshots';

const openedFor = computed(() => (matchingShown.value ? snapshotsOf(readyPair.value) : null));

export function followMatching(api: MatchingApi, onStale: () => Promise<void>): () => void {
  const made = new Corrector(api, onStale);
  const stops = [
    keepInStep(
      matches,
      () => {
        const pair = matchingShown.value ? readyPair.value : null;
        if (pair === null) return { key: '', ask: null };
        return {
          key: JSON.stringify(pairIds(pair)),
          of: snapshotsOf(pair) ?? '',
          ask: async (follow) => made.carried(pair, await api.matches(pair, follow), follow),
        };
      },
      { onStale },
    ),
    // Other snapshots, or the dialog anew: nothing of the last ones can be undone.
    openedFor.subscribe(forget),
  ];
  corrector.value = made;
  return () => {
    for (const stop of stops) stop();
  };
}

/** Tells the two snapshots from others, whatever was written into them since. */
function snapshotsOf(pair: Pair | null): string | null {
  return pair && JSON.stringify(pair.map(({ id }) => id));
}

function keyOf(pair: Pair | null): string | null {
  return pair && JSON.stringify(pairIds(pair));
}

/** Says the same of the same choices, in whichever order they were made. */
function wordsOf(corrections: readonly Match[]): string {
  return JSON.stringify(corrections.map(({ a, b }) => JSON.stringify([a, b])).sort());
}

function lostWords(count: number): string {
  const [choices, name] =
    count === 1 ? ['1 choice was', 'it names'] : [`${count} choices were`, 'they name'];
  return `${choices} dropped: a file was written anew without a tensor that ${name}.`;
}

async function allCorrected(): Promise<void> {
  if (!correcting.value) return;
  await new Promise<void>((resolve) => {
    const stop = correcting.subscribe((busy) => {
      if (busy) return;
      stop();
      resolve();
    });
  });
}

function forget(): void {
  undoable.value = [];
  unsaved.value = false;
  refusal.value = null;
}

class Corrector implements Corrections {
  /** What the server keeps; what is chosen beyond that is not saved. */
  private kept: readonly Match[] = [];

  constructor(
    private readonly api: MatchingApi,
    private readonly onStale: () => Promise<void>,
  ) {}

  /**
   * What was found for a pair with the choices that are not saved yet: they outlive a snapshot that
   * is written anew, as far as both sides still have the tensors that they name.
   */
  async carried(pair: Pair, found: Matches, { signal }: Follow): Promise<Matches> {
    // A choice that is under way belongs to what is carried over.
    await allCorrected();
    const made = latest(matches.value)?.corrections ?? [];
    if (!unsaved.value || signal?.aborted) return found;
    const kept = present(made, found);
    const lost = made.length - kept.length;
    const value = await this.tried(pair, found, kept);
    if (signal?.aborted) return value;
    this.kept = found.corrections;
    unsaved.value = wordsOf(value.corrections) !== wordsOf(this.kept);
    undoable.value = unsaved.value ? undoable.value.map((step) => present(step, found)) : [];
    if (lost > 0) refusal.value = lostWords(lost);
    return value;
  }

  async choose(side: Side, name: string, choice: Choice): Promise<void> {
    const found = latest(matches.value);
    if (found === null) return;
    await this.change(found, chosen(found.corrections, side, name, choice));
  }

  async clear(): Promise<void> {
    const found = latest(matches.value);
    if (found !== null) await this.change(found, []);
  }

  async undo(): Promise<void> {
    const found = latest(matches.value);
    const steps = undoable.value;
    const before = steps.at(-1);
    if (found === null || before === undefined) return;
    if (await this.attempt(found, before)) undoable.value = steps.slice(0, -1);
  }

  async save(): Promise<void> {
    const found = latest(matches.value);
    if (found === null) return;
    const saved = await this.send(found.corrections, true);
    if (saved === null) return;
    undoable.value = [];
    announce(saved.saved ? 'Matches saved' : 'Matches are used until TensorBoard ends');
    const known = latest(listing.value);
    // From now on everything is asked under these matches.
    if (known) listing.value = { status: 'ready', value: { ...known, matches: saved.matches } };
  }

  private async change(found: Matches, next: readonly Match[]): Promise<void> {
    if (await this.attempt(found, next)) {
      undoable.value = [...undoable.value, found.corrections];
    }
  }

  private async attempt(found: Matches, next: readonly Match[]): Promise<boolean> {
    if (!unsaved.value) this.kept = found.corrections;
    return (await this.send(next, false)) !== null;
  }

  private async send(next: readonly Match[], save: boolean): Promise<Matches | null> {
    const pair = readyPair.value;
    if (pair === null || correcting.value) return null;
    correcting.value = true;
    refusal.value = null;
    try {
      const value = await this.correct(pair, next, save);
      if (value === null) return null;
      unsaved.value = !save && wordsOf(next) !== wordsOf(this.kept);
      matches.value = { status: 'ready', value };
      return value;
    } catch (error) {
      refusal.value =
        error instanceof RequestFailure ? error.message : 'The change could not be made.';
      return null;
    } finally {
      correcting.value = false;
    }
  }

  /** Once more where a snapshot was written anew meanwhile; null where another one was chosen. */
  private async correct(
    pair: Pair,
    next: readonly Match[],
    save: boolean,
  ): Promise<Matches | null> {
    let value: Matches | null = null;
    try {
      value = await this.api.correct(pair, next, save);
    } catch (error) {
      if (!(error instanceof RequestFailure && error.isStale)) throw error;
      await this.onStale();
      if (keyOf(readyPair.value) === keyOf(pair)) throw error;
    }
    const now = readyPair.value;
    if (now === null || snapshotsOf(now) !== snapshotsOf(pair)) return null;
    return value !== null && keyOf(now) === keyOf(pair) ? value : this.api.correct(now, next, save);
  }

  /** The pair with these choices; without them, and with the reason, where the server refuses them. */
  private async tried(pair: Pair, found: Matches, next: readonly Match[]): Promise<Matches> {
    correcting.value = true;
    try {
      return await this.api.correct(pair, next, false);
    } catch (error) {
      const refused = error instanceof RequestFailure && error.status === 400;
      if (!refused) throw error;
      refusal.value = `The choices that were not saved are dropped: ${error.message}`;
      return found;
    } finally {
      correcting.value = false;
    }
  }
}
