/** Asking for what is too expensive to be computed by itself. */
import { nameable } from '../client/ProbeApi';
import { pairIds } from '../client/wire';
import { attributionAsk, filterAttributionAsk } from './probing';
import { imageSet } from './probing-choice';
import { readyPair } from './snapshots';

/** Ids and generations of both snapshots, or null while one cannot be read. */
export function pairKey(): string | null {
  const pair = readyPair.value;
  return pair && JSON.stringify(pairIds(pair));
}

/**
 * Has one layer after the other swapped, or the groups of filters of one layer. `images` null
 * takes all of the set; of very many as many as a request can name.
 */
export function askAttribution(images: readonly string[] | null, layer: string | null): void {
  const pair = pairKey();
  const set = imageSet.value;
  if (pair === null || set === null) return;
  const chosen = images?.length ?? null;
  const ask = { pair, set, images: images && nameable(images), chosen, layer };
  if (layer === null) {
    attributionAsk.value = ask;
    filterAttributionAsk.value = null;
  } else {
    filterAttributionAsk.value = ask;
  }
}
