/** Views as files: self-contained SVG, PNG made from it, and the download itself. */
import { embedFonts } from './fonts-in-svg';

export { type CsvCell, toCsv } from './csv';

/** Chromium and Firefox refuse larger canvases. */
const LARGEST_CANVAS_SIDE = 16_384;

const INHERITED_PROPERTIES = [
  'fill',
  'fill-opacity',
  'stroke',
  'stroke-opacity',
  'stroke-width',
  'stroke-dasharray',
  'stroke-linecap',
  'stroke-linejoin',
  'font-family',
  'font-size',
  'font-style',
  'font-weight',
  'font-variant-numeric',
  'letter-spacing',
  'text-anchor',
  'paint-order',
  'shape-rendering',
  'visibility',
] as const;

const OWN_PROPERTIES = [
  ['opacity', '1'],
  ['display', 'inline'],
  ['dominant-baseline', 'auto'],
  ['stop-color', 'rgb(0, 0, 0)'],
  ['stop-opacity', '1'],
  ['vector-effect', 'none'],
] as const;

const PAGE_ATTRIBUTES = /^(class|style|tabindex|role|id|focusable|aria-|data-|on)/;

/**
 * The element as a document of its own: computed styles as attributes, size, and the background
 * that the page shows behind it. What is marked `data-export="skip"` (cursors, focus rings) and
 * what is not displayed is left out.
 */
export function inlineSvg(element: SVGSVGElement): string {
  const copy = element.cloneNode(true) as SVGSVGElement;
  copyStyles(element, copy, null);
  const { width, height } = element.getBoundingClientRect();
  copy.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  copy.setAttribute('width', String(Math.round(width)));
  copy.setAttribute('height', String(Math.round(height)));
  if (!copy.hasAttribute('viewBox')) {
    copy.setAttribute('viewBox', `0 0 ${Math.round(width)} ${Math.round(height)}`);
  }
  const background = backgroundBehind(element);
  if (background !== null) copy.prepend(backdrop(copy, background));
  return new XMLSerializer().serializeToString(copy);
}

/** Draws an SVG document that has a width and a height at `scale` pixels per unit. */
export async function svgToPng(svg: string, scale: number): Promise<Blob> {
  const address = URL.createObjectURL(
    new Blob([await embedFonts(svg)], { type: 'image/svg+xml;charset=utf-8' }),
  );
  try {
    const image = new Image();
    image.src = address;
    await image.decode();
    return await drawn(image, scale);
  } finally {
    URL.revokeObjectURL(address);
  }
}

export function download(blob: Blob, fileName: string): void {
  const address = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = address;
  link.download = safeFileName(fileName);
  document.body.append(link);
  link.click();
  link.remove();
  // The browser reads the address after the click has returned.
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

/** Without what a file system or a shell would stumble over: `a/b: c.svg` -> `a-b-c.svg`. */
export function safeFileName(name: string): string {
  const safe = name
    .normalize('NFKC')
    .replace(/[^\p{L}\p{N}._-]+/gu, '-')
    .replace(/^[.-]+|-+(?=\.[^.]*$)|-+$/g, '');
  return safe === '' ? 'export' : safe;
}

function copyStyles(source: Element, copy: Element, parent: CSSStyleDeclaration | null): void {
  const style = getComputedStyle(source);
  for (const attribute of [...copy.attributes]) {
    if (PAGE_ATTRIBUTES.test(attribute.name) && !isReferenced(attribute, source)) {
      copy.removeAttribute(attribute.name);
    }
  }
  for (const name of INHERITED_PROPERTIES) {
    const value = style.getPropertyValue(name);
    if (value === '') continue;
    if (parent === null || parent.getPropertyValue(name) !== value) copy.setAttribute(name, value);
    else copy.removeAttribute(name);
  }
  for (const [name, initial] of OWN_PROPERTIES) {
    const value = style.getPropertyValue(name);
    if (value !== '' && value !== initial && !isOutermost(name, parent)) {
      copy.setAttribute(name, value);
    }
  }
  const pairs = [...source.children].map((child, index) => [child, copy.children[index]] as const);
  for (const [child, childCopy] of pairs) {
    if (childCopy === undefined) continue;
    if (isLeftOut(child)) childCopy.remove();
    else copyStyles(child, childCopy, style);
  }
}

/** `display` of the outermost element says how it lies in the page, not how it is drawn. */
function isOutermost(name: string, parent: CSSStyleDeclaration | null): boolean {
  return name === 'display' && parent === null;
}

/** Patterns, gradients and clip paths are used by id. */
function isReferenced(attribute: Attr, source: Element): boolean {
  return attribute.name === 'id' && source.closest('defs') !== null;
}

function isLeftOut(element: Element): boolean {
  return (
    element.getAttribute('data-export') === 'skip' || getComputedStyle(element).display === 'none'
  );
}

function backgroundBehind(element: Element): string | null {
  for (let at: Element | null = element; at !== null; at = at.parentElement) {
    const color = getComputedStyle(at).backgroundColor;
    if (color !== 'transparent' && color !== 'rgba(0, 0, 0, 0)') return color;
  }
  return null;
}

function backdrop(svg: SVGSVGElement, color: string): SVGRectElement {
  const rect = document.createElementNS('http://www.w3.org/2000/svg', 'rect');
  const [x, y, width, height] = (svg.getAttribute('viewBox') ?? '0 0 0 0').split(/[\s,]+/);
  const attributes = { x, y, width, height, fill: color, stroke: 'none' };
  for (const [name, value] of Object.entries(attributes)) rect.setAttribute(name, value ?? '0');
  return rect;
}

function drawn(image: HTMLImageElement, scale: number): Promise<Blob> {
  const { naturalWidth, naturalHeight } = image;
  if (naturalWidth === 0 || naturalHeight === 0) throw new Error('the drawing has no size');
  const largest = LARGEST_CANVAS_SIDE / Math.max(naturalWidth, naturalHeight);
  const factor = Math.min(scale, largest);
  const canvas = document.createElement('canvas');
  canvas.width = Math.round(naturalWidth * factor);
  canvas.height = Math.round(naturalHeight * factor);
  const context = canvas.getContext('2d');
  if (context === null) throw new Error('the browser gave no canvas to draw the image on');
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => {
      if (blob === null) reject(new Error('the browser could not encode the image as PNG'));
      else resolve(blob);
    }, 'image/png');
  });
}
