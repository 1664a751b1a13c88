/**
 * An SVG that is drawn as an image cannot see the page's fonts, so they are written into it as
 * data: URLs (TensorBoard's CSP allows those for fonts).
 */

import regular from '@fontsource/roboto/files/roboto-latin-400-normal.woff2?url';
import bold from '@fontsource/roboto/files/roboto-latin-500-normal.woff2?url';
import { bytesToBase64 } from './base64';

let rules: Promise<string> | null = null;

/** The same document, with Roboto in it when it names Roboto. */
export async function embedFonts(svg: string): Promise<string> {
  if (!svg.includes('Roboto')) return svg;
  rules ??= Promise.all([fontFace(regular, 400), fontFace(bold, 500)]).then((all) => all.join(''));
  const css = await rules;
  return css === '' ? svg : svg.replace(/^(<svg\b[^>]*>)/, `$1<style>${css}</style>`);
}

/** An empty text when the font is not there: the image then shows the next font of the family. */
async function fontFace(address: string, weight: number): Promise<string> {
  const response = await fetch(address);
  if (!response.ok) return '';
  const data = bytesToBase64(new Uint8Array(await response.arrayBuffer()));
  return (
    `@font-face{font-family:"Roboto";font-weight:${weight};` +
    `src:url("data:font/woff2;base64,${data}")}`
  );
}
