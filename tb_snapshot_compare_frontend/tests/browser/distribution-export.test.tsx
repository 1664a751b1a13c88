import { render } from 'preact';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { download, inlineSvg, safeFileName, svgToPng } from '../../src/render/export';
import { headedSvg } from '../../src/render/headed-svg';

let root: HTMLElement;
beforeEach(() => {
  root = document.createElement('div');
  root.style.cssText = 'background:rgb(10, 20, 30);width:100px';
  document.body.append(root);
});
afterEach(() => {
  render(null, root);
  root.remove();
});

function drawing(): SVGSVGElement {
  render(
    <svg
      width="40"
      height="20"
      aria-label="chart"
      role="img"
      class="chart"
      style={{ font: '400 11px Roboto', display: 'block' }}
    >
      <style>
        {'.bar { fill: rgb(1, 2, 3); stroke-width: 3; opacity: 0.5 } .gone { display: none }'}
      </style>
      <path class="bar" data-level="0" d="M0 0h10v20h-10z" />
      <path class="gone" d="M0 0h1" />
      <rect data-export="skip" width="5" height="5" />
      <text x="3" y="9" tabIndex={-1} aria-label="a">
        {'a < b'}
      </text>
    </svg>,
    root,
  );
  return root.querySelector('svg') as SVGSVGElement;
}

test('an exported SVG has its styles as attributes, a background, and nothing of the page', () => {
  const svg = inlineSvg(drawing());
  const parsed = new DOMParser().parseFromString(svg, 'image/svg+xml').documentElement;
  expect(parsed.getAttribute('viewBox')).toBe('0 0 40 20');
  expect(parsed.getAttribute('font-family')).toBe('Roboto');
  expect(parsed.querySelector('rect')?.getAttribute('fill')).toBe('rgb(10, 20, 30)');
  const bar = parsed.querySelector('path') as Element;
  expect(bar.getAttribute('fill')).toBe('rgb(1, 2, 3)');
  expect(bar.getAttribute('opacity')).toBe('0.5');
  expect(bar.getAttribute('stroke-width')).toBe('3px');
  expect(parsed.querySelectorAll('path')).toHaveLength(1);
  expect(parsed.querySelectorAll('rect')).toHaveLength(1);
  expect(parsed.querySelector('text')?.textContent).toBe('a < b');
  expect(svg).not.toMatch(/class=|tabindex|aria-|data-level|var\(/);
});

test('an exported SVG is drawn as PNG at the asked scale', async () => {
  const png = await svgToPng(inlineSvg(drawing()), 2);
  expect(png.type).toBe('image/png');
  const bitmap = await createImageBitmap(png);
  expect([bitmap.width, bitmap.height]).toEqual([80, 40]);
  const canvas = new OffscreenCanvas(80, 40);
  const context = canvas.getContext('2d') as OffscreenCanvasRenderingContext2D;
  context.drawImage(bitmap, 0, 0);
  expect([...context.getImageData(78, 2, 1, 1).data]).toEqual([10, 20, 30, 255]);
});

test('a broken SVG is an error, not an empty picture', async () => {
  await expect(svgToPng('<svg', 1)).rejects.toThrow();
});

test('a headed SVG carries title and legend and wraps the legend', () => {
  const chart =
    '<svg xmlns="http://www.w3.org/2000/svg" width="200" height="50" viewBox="0 0 200 50" ' +
    'font-family="Roboto"><rect width="200" height="50" fill="white"/><text fill="black">x</text></svg>';
  const svg = headedSvg(chart, {
    title: 'a < b',
    legend: 'Level',
    swatches: [
      { color: '#fbc98f', label: '0–40' },
      { color: '#552003', label: '160–200 and more' },
    ],
  });
  expect(svg).toMatchInlineSnapshot(
    `"<svg xmlns="http://www.w3.org/2000/svg" width="200" height="126" viewBox="0 0 200 126" font-family="Roboto"><rect width="100%" height="100%" fill="white"/><g fill="black"><text x="12" y="22" font-size="15" font-weight="500">a &lt; b</text><text x="12" y="45" font-size="11">Level</text><rect x="53" y="35" width="12" height="12" rx="2" fill="#fbc98f"/><text x="71" y="45" font-size="11">0–40</text><rect x="12" y="55" width="12" height="12" rx="2" fill="#552003"/><text x="30" y="65" font-size="11">160–200 and more</text></g><svg y="76" xmlns="http://www.w3.org/2000/svg" width="200" height="50" viewBox="0 0 200 50" font-family="Roboto"><rect width="200" height="50" fill="white"/><text fill="black">x</text></svg></svg>"`,
  );
  expect(
    new DOMParser().parseFromString(svg, 'image/svg+xml').querySelector('parsererror'),
  ).toBeNull();
});

test('a headed SVG says what was compared, in two rows where one is too short', () => {
  const chart = (width: number) =>
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="50"><rect/></svg>`;
  const subtitle = ['a: run <1> · epoch 12', 'b: run <1> · epoch 45 (all tensors)'];
  const rows = (width: number) => {
    const svg = headedSvg(chart(width), { title: 'Title', subtitle, legend: 'Level' });
    const parsed = new DOMParser().parseFromString(svg, 'image/svg+xml').documentElement;
    const texts = [...parsed.querySelectorAll(':scope > g > text')];
    const places = texts.map((text) => Number(text.getAttribute('y')));
    expect(places).toEqual([...places].sort((x, y) => x - y));
    expect(Number(parsed.querySelector('svg')?.getAttribute('y'))).toBeGreaterThan(
      places.at(-1) ?? 0,
    );
    return texts.map(({ textContent }) => textContent);
  };
  expect(rows(600)).toEqual(['Title', subtitle.join(' — '), 'Level']);
  expect(rows(240)).toEqual(['Title', ...subtitle, 'Level']);
});

test('a download has a safe name', () => {
  const click = vi.spyOn(HTMLAnchorElement.prototype, 'click').mockImplementation(function (
    this: HTMLAnchorElement,
  ) {
    expect(this.download).toBe('difference-distribution-block-1-conv.svg');
    expect(this.href).toMatch(/^blob:/);
  });
  download(new Blob(['x']), 'difference-distribution-block 1/conv.svg');
  expect(click).toHaveBeenCalledOnce();
  expect(document.querySelector('a[download]')).toBeNull();
  click.mockRestore();
});

test.each([
  ['../../etc/passwd', 'etc-passwd'],
  ['', 'export'],
  ['couche é:1.csv', 'couche-é-1.csv'],
])('file name %j becomes %j', (name, safe) => {
  expect(safeFileName(name)).toBe(safe);
});
