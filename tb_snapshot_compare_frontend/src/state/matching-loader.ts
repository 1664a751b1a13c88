/** Keeps the matching in step with the pair while its dialog is open, and carries out choices. */
import { computed } from '@preact/signals';
import { RequestFailure } from '../client/failure';
import type { MatchingApi } from '../client/MatchingApi';
import type { Match, Matches } from '../client/types';
import { pairIds } from '../client/wire';
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
  refusal,
  undoable,
  unsaved,
} from './matching';
import { latest, listing } from './resources';
import { type Pair, readyPair, type Side } from './snapshots';

const openedFor = computed(() => (matchingShown.value ? keyOf(readyPair.value) : null));

export function followMatching(api: MatchingApi, onStale: () => Promise<void>): () => void {
  const stops = [
    keepInStep(
      matches,
      () => {
        const pair = matchingShown.value ? readyPair.value : null;
        if (pair === null) return { key: '', ask: null };
        return { key: JSON.stringify(pairIds(pair)), ask: (follow) => api.matches(pair, follow) };
      },
      { onStale },
    ),
    // Another pair, or the dialog anew: nothing of the last one can be undone.
    openedFor.subscribe(forget),
  ];
  corrector.value = new Corrector(api);
  return () => {
    for (const stop of stops) stop();
  };
}

function keyOf(pair: Pair | null): string | null {
  return pair && JSON.stringify(pairIds(pair));
}

/** Says the same of the same choices, in whichever order they were made. */
function wordsOf(corrections: readonly Match[]): string {
  return JSON.stringify(corrections.map(({ a, b }) => JSON.stringify([a, b])).sort());
}

function forget(): void {
  undoable.value = [];
  unsaved.value = false;
  refusal.value = null;
}

class Corrector implements Corrections {
  /** What the server keeps; what is chosen beyond that is not saved. */
  private kept: readonly Match[] = [];

  constructor(private readonly api: MatchingApi) {}

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
    unsaved.value = false;
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
    if ((await this.send(next, false)) === null) return false;
    unsaved.value = wordsOf(next) !== wordsOf(this.kept);
    return true;
  }

  private async send(next: readonly Match[], save: boolean): Promise<Matches | null> {
    const pair = readyPair.value;
    if (pair === null || correcting.value) return null;
    correcting.value = true;
    refusal.value = null;
    try {
      const value = await this.api.correct(pair, next, save);
      if (keyOf(readyPair.value) !== keyOf(pair)) return null;
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
}
