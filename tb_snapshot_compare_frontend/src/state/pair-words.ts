/** The compared snapshots in words: files that leave the page must say what they show. */
import { latest, listing } from './resources';
import { type Pair, readyPair, runTitle } from './snapshots';

/** `alexnet · epoch 12 · step 408` for a and for b; null while there is no pair. */
export function pairWords(pair: Pair | null = readyPair.value): readonly [string, string] | null {
  if (!pair) return null;
  const [a, b] = pair.map(({ run, label }) => `${runTitle(run, latest(listing.value))} · ${label}`);
  return [a ?? '', b ?? ''];
}

/** What was compared, under the title of a drawing: `of` says which tensors. */
export function comparedLines(of: string): readonly string[] {
  const words = pairWords();
  return words ? [`a: ${words[0]}`, `b: ${words[1]} (${of})`] : [];
}

/** A file name's end: ` alexnet epoch 12 with alexnet epoch 45`. */
export function pairInFileName(): string {
  const words = pairWords();
  return words ? `-${words.join('-with-').replaceAll(',', '')}` : '';
}

/** A table of the pair's data with both snapshots in its first columns; the header comes first. */
export function withPairColumns<Cell>(
  rows: readonly (readonly Cell[])[],
): (readonly (Cell | string)[])[] {
  const words = pairWords();
  if (!words) return [...rows];
  return rows.map((row, index) => [...(index === 0 ? ['a', 'b'] : words), ...row]);
}
