/** How wide text is, without a browser: layouts are the same everywhere. */

/** Advance widths of Roboto, in parts of the font size, for groups of similar letters. */
const WIDTHS: readonly (readonly [RegExp, number])[] = [
  [/[ijl.,:;'|!]/, 0.26],
  [/[frtI()[\]/ -]/, 0.36],
  [/[mwMW@%]/, 0.88],
  [/[A-Z]/, 0.66],
  [/[_]/, 0.46],
];

const known = new Map<string, number>();

export function textWidth(text: string, size: number): number {
  let total = 0;
  for (const letter of text) total += known.get(letter) ?? measured(letter);
  return total * size;
}

function measured(letter: string): number {
  const width = WIDTHS.find(([letters]) => letters.test(letter))?.[1] ?? 0.57;
  known.set(letter, width);
  return width;
}

/** Shortens a name in its middle: its beginning and its end are what tells it apart. */
export function fitText(text: string, size: number, room: number): string {
  if (textWidth(text, size) <= room) return text;
  const letters = [...text];
  for (let kept = letters.length - 1; kept > 2; kept--) {
    const head = Math.ceil(kept / 2);
    const short = `${letters.slice(0, head).join('')}…${letters.slice(letters.length - (kept - head)).join('')}`;
    if (textWidth(short, size) <= room) return short;
  }
  return '…';
}
