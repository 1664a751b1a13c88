/** Names of rows that are cut to their room, so that what is left tells each from the others. */
import { fitText, textWidth } from '../../elements/fit-text';

const GAP = '…';
/** What begins a part of a name: `stage1_block2_conv`, `stage1/block2/conv`. */
const PART = /(?=[/_.-])/;
/** A part's word, which can be cut, and what follows it: `block` and `12`. */
const WORD = /^([/_.-]?)(\p{L}*)(.*)$/u;
/** Letters that are left of a word. */
const WORD_ENDS = [3, 2, 1] as const;
/** Of names that are held against each other, which takes some 20 microseconds each. */
const PAIRS_MOST = 10_000;

/**
 * Each name as it is where it fits. Else parts of it are left out, or the ends of its words, so that
 * it can be no other of the names; where nothing does, or names are many, its middle is left out.
 */
export function shortNames(
  names: readonly string[],
  size: number,
  room: number,
): ReadonlyMap<string, string> {
  const fits = (text: string) => textWidth(text, size) <= room;
  const long = names.filter((name) => !fits(name)).length;
  const many = long * names.length > PAIRS_MOST;
  const shorten = (name: string): string => {
    if (many) return fitText(name, size, room);
    const others = names.filter((other) => other !== name);
    const tells = (text: string) => fits(text) && !others.some((other) => canBe(text, other));
    return shortForms(name).find(tells) ?? fitText(name, size, room);
  };
  return new Map(names.map((name) => [name, fits(name) ? name : shorten(name)]));
}

/** Whether a name can be what a shortened one stands for. */
export function canBe(text: string, name: string): boolean {
  const kept = text.split(GAP);
  const [first, last] = [kept[0] ?? '', kept.at(-1) ?? ''];
  if (kept.length === 1) return text === name;
  if (!name.startsWith(first) || !name.endsWith(last)) return false;
  let at = first.length;
  for (const part of kept.slice(1, -1)) {
    const place = name.indexOf(part, at + 1);
    if (place < 0) return false;
    at = place + part.length;
  }
  return name.length - last.length > at;
}

/** Without some parts, then with all but without the ends of their words, then both. */
function shortForms(name: string): readonly string[] {
  const parts = name.split(PART);
  const cut = (letters: number) => parts.map((part) => cutWord(part, letters));
  const lastWhole = (each: readonly string[]) => [...each.slice(0, -1), parts.at(-1) ?? ''];
  const words = WORD_ENDS.map(cut);
  return [
    ...withoutParts(parts),
    ...words.map((each) => lastWhole(each).join('')),
    ...words.map((each) => each.join('')),
    ...withoutParts(lastWhole(cut(1))),
  ].map((text) => text.replaceAll(GAP + GAP, GAP));
}

/**
 * Some from the middle, some from both ends, or all but some and the last; what is left has no
 * separator after the gap. Those with the last part, which says what a layer is, come first, then
 * those that keep most.
 */
function withoutParts(parts: readonly string[]): readonly string[] {
  const count = parts.length;
  const text = (from: number, to: number) => parts.slice(from, to).join('');
  const last = bare(parts.at(-1) ?? '');
  const forms: string[] = [];
  for (let from = 0; from < count; from += 1) {
    for (let to = from + 1; to <= count; to += 1) {
      if (to - from === count) continue;
      forms.push(text(0, from) + GAP + bare(text(to, count)));
      if (from === 0 || to === count) continue;
      forms.push(GAP + bare(text(from, to)) + GAP);
      if (to < count - 1) forms.push(GAP + bare(text(from, to)) + GAP + last);
    }
  }
  const order = (text: string) => (text.endsWith(GAP) ? -1000 : 0) + text.length;
  return forms.sort((one, other) => order(other) - order(one));
}

function bare(text: string): string {
  return text.replace(/^[/_.-]/, '');
}

/** As it is where that would save nothing. */
function cutWord(part: string, letters: number): string {
  const [, separator = '', word = '', rest = ''] = WORD.exec(part) ?? [];
  return word.length <= letters + 1 ? part : `${separator}${word.slice(0, letters)}${GAP}${rest}`;
}
