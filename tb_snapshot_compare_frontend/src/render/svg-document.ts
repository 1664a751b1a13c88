/** Charts that are written as SVG documents, in the colours of the page's theme. */

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Colours of the theme by the names of their CSS variables. */
export type Token = (name: string) => string;

export function themeTokens(): Token {
  const style = getComputedStyle(document.documentElement);
  return (name) => style.getPropertyValue(name).trim();
}

/** A document on the page's paper. */
export function svgDocument(
  { width, height }: Size,
  token: Token,
  content: readonly string[],
): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"`,
    ` viewBox="0 0 ${width} ${height}" font-family="Roboto, sans-serif" fill="${token('--ink')}">`,
    `<rect width="${width}" height="${height}" fill="${token('--card')}"/>`,
    ...content,
    '</svg>',
  ].join('');
}

/** A length with two decimals at most. */
export function short(value: number): number {
  return Math.round(value * 100) / 100;
}

export function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
