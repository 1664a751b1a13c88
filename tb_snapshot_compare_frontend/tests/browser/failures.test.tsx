/** What the whole page, with its real views, shows after a request has failed. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { page as browserPage, userEvent } from 'vitest/browser';
import { formatMeasure } from '../../src/scales/format';
import { raised } from '../../src/state/notices';
import { comparison } from '../../src/state/resources';
import { b, layer } from '../../src/state/selection';
import { DistributionView } from '../../src/views/distribution/DistributionView';
import { NetworkView } from '../../src/views/network/NetworkView';
import { comparisonOf, listingOf, snapshotOf } from '../harness/fixtures';
import { found, openPage, type Page } from './page';

const VIEWS = { NetworkView, DistributionView };
const MESSAGE = 'epoch-030.keras: the archive ends early.';

let page: Page;

beforeEach(async () => {
  await browserPage.viewport(1280, 900);
});

afterEach(() => page.close());

const text = (selector: string) => document.querySelector(selector)?.textContent ?? '';
const box = (name: string) => document.querySelector(`[data-key="box:${name}"]`);
const button = (container: string, name: string) =>
  vi.waitUntil(() =>
    [...document.querySelectorAll<HTMLButtonElement>(`${container} button`)].find(
      (candidate) => candidate.textContent?.trim() === name,
    ),
  );

async function opened(): Promise<void> {
  page = openPage({}, { a: 'alexnet-10', b: 'alexnet-40', layer: 'conv5' }, VIEWS);
  await found('.net-strip-bars');
  await vi.waitFor(() => expect(box('conv5')).not.toBeNull(), { timeout: 5000 });
}

test('a failed comparison shows no number of the previous pair', async () => {
  await opened();
  const previous = comparisonOf(snapshotOf(10), snapshotOf(40));
  const whole = formatMeasure('l2', previous.model.l2);
  await vi.waitFor(() => expect(text('.status-bar')).toContain(whole));
  const conv5 = previous.layers.find(({ name }) => name === 'conv5')?.measures.l2 ?? 0;
  const number = formatMeasure('l2', conv5);
  expect(box('conv5')?.textContent).toContain(number);
  page.server.failing = { route: 'comparison', status: 422, message: MESSAGE };
  b.value = 'alexnet-30';
  await vi.waitFor(() => expect(text('.status-bar')).toContain('could not be compared'));
  expect(text('.status-bar')).not.toContain(whole);
  expect(text('.status-bar')).not.toContain('16 of 16');
  await vi.waitFor(() => expect(box('conv5')?.textContent).toContain('not compared'));
  expect(box('conv5')?.textContent).not.toContain(number);
  expect(text('.net-strip')).toContain('The filters of conv5 could not be compared');
  expect(text('.net-alert')).toContain(MESSAGE);
});

test('while the next pair is compared the numbers of the previous one are dimmed', async () => {
  await opened();
  const stale = comparisonOf(snapshotOf(10), snapshotOf(40));
  comparison.value = { status: 'loading', job: null, stale };
  await vi.waitFor(() => expect(text('.status-bar')).toContain('Comparing…'));
  const dimmed = [...document.querySelectorAll('.status-bar [data-busy]')];
  expect(dimmed).toHaveLength(2);
  for (const part of dimmed) expect(Number(getComputedStyle(part).opacity)).toBeLessThan(1);
});

test('filters that fail for the next pair say so, and are asked for again', async () => {
  await opened();
  page.server.failing = { route: 'filters', status: 422, message: MESSAGE };
  b.value = 'alexnet-30';
  await vi.waitFor(() => expect(text('.net-strip')).toContain(MESSAGE));
  expect(document.querySelector('.net-strip-bars')).toBeNull();
  page.server.failing = undefined;
  await userEvent.click(await button('.net-strip', 'Try again'));
  await found('.net-strip-bars');
});

test('a network that fails for the next pair says so, and is asked for again', async () => {
  await opened();
  page.server.failing = { route: 'architecture', status: 422, message: MESSAGE };
  b.value = 'alexnet-30';
  const alert = await found('[data-panel="network"] [role="alert"]');
  expect(alert.textContent).toContain(MESSAGE);
  expect(box('conv5')).toBeNull();
  page.server.failing = undefined;
  await userEvent.click(await button('[data-panel="network"]', 'Try again'));
  await vi.waitFor(() => expect(box('conv5')).not.toBeNull());
});

test('a layer of another shape in b says that, with both shapes', async () => {
  page = openPage(
    {
      compare: (a, other) => {
        const known = comparisonOf(a, other);
        const tensors = known.tensors.map((tensor) =>
          tensor.layer === 'conv5'
            ? { ...tensor, status: 'shape_differs' as const, shape_b: [5, 5, 1, 1], measures: null }
            : tensor,
        );
        return { ...known, tensors };
      },
    },
    { a: 'alexnet-10', b: 'alexnet-40', layer: 'conv5' },
    VIEWS,
  );
  const view = '[data-panel="distribution"] .empty-state';
  await vi.waitFor(() => expect(text(view)).toContain('The weights of conv5 cannot be compared'));
  expect(text(view)).toContain(
    'kernel (shapes differ: 3 × 3 × 192 × 128 in a, 5 × 5 × 1 × 1 in b)',
  );
  layer.value = 'pool1';
  await vi.waitFor(() => expect(text(view)).toContain('pool1 has no weights to compare'));
});

test('a dismissed outage is told again when TensorBoard is away once more', async () => {
  page = openPage({}, { a: 'alexnet-10', b: 'alexnet-40' });
  await found('.status-bar');
  const outage = { route: 'snapshots', status: 500, message: 'No permission.' };
  const away = async () => {
    page.server.failing = outage;
    await page.loader.reload();
    await vi.waitFor(() => expect(text('.notices')).toContain('not up to date'));
  };
  await away();
  await userEvent.click(await found('.notice[data-tone="error"] .notice-dismiss'));
  await vi.waitFor(() => expect(text('.notices')).not.toContain('not up to date'));
  page.server.failing = undefined;
  await page.loader.reload();
  await away();
});

test('the focus goes from a dismissed notice to the next one, and at last to the panels', async () => {
  page = openPage({ listing: listingOf() }, { a: 'alexnet-7', b: 'alexnet-7' });
  await vi.waitFor(() => expect(document.querySelectorAll('.notice')).toHaveLength(2));
  const buttons = () => [...document.querySelectorAll<HTMLElement>('.notice-dismiss')];
  buttons()[0]?.focus();
  const next = buttons()[1];
  await userEvent.keyboard('{Enter}');
  await vi.waitFor(() => expect(buttons()).toHaveLength(1));
  expect(document.activeElement).toBe(next);
  await userEvent.keyboard('{Enter}');
  await vi.waitFor(() => expect(buttons()).toHaveLength(0));
  expect(document.activeElement).toBe(document.querySelector('.shell-main'));
});

test('a maximised view does not hide why there is none', async () => {
  page = openPage({}, { a: 'alexnet-10', b: 'alexnet-23', max: 'network' });
  await vi.waitFor(() => expect(text('.shell-instead')).toContain('cannot be read'));
  const shown = (selector: string) => document.querySelector<HTMLElement>(selector)?.offsetParent;
  expect(shown('[data-panel="timeline"]')).not.toBeNull();
  expect(shown('.shell-instead')).not.toBeNull();
  b.value = 'alexnet-40';
  await vi.waitFor(() => expect(shown('[data-panel="timeline"]')).toBeNull());
});

describe('files name both snapshots', () => {
  const saved = async (panel: string, item: string) => {
    let blob: Blob | null = null;
    const make = vi.spyOn(URL, 'createObjectURL').mockImplementation((given) => {
      blob = given as Blob;
      return 'blob:nothing';
    });
    const click = vi.spyOn(HTMLAnchorElement.prototype, 'click').mockReturnValue();
    await userEvent.click(await found(`[aria-label="Export: ${panel}"]`));
    await userEvent.click(await button('.menu', item));
    await vi.waitFor(() => expect(click).toHaveBeenCalled());
    const name = (click.mock.contexts[0] as HTMLAnchorElement).download;
    make.mockRestore();
    click.mockRestore();
    return { name, text: await (blob as unknown as Blob).text() };
  };
  const A = 'alexnet · epoch 10 · step 340';
  const B = 'alexnet · epoch 40 · step 1,360';

  test.each([
    ['Difference distribution', 'difference-distribution-conv5'],
    ['Network architecture', 'network-l2'],
  ])('of the view %s', async (panel, name) => {
    await opened();
    await vi.waitFor(() => expect(document.querySelector('.histogram')).not.toBeNull());
    const csv = await saved(panel, 'Export CSV');
    expect(csv.name).toBe(`${name}-alexnet-epoch-10-step-340-with-alexnet-epoch-40-step-1360.csv`);
    const [header, ...rows] = csv.text.trim().split('\r\n');
    expect(header).toMatch(/^a,b,/);
    for (const row of rows) expect(row.startsWith(`${A},"${B}",`)).toBe(true);
    const svg = await saved(panel, 'Export SVG');
    expect(svg.text).toContain(`a: ${A}`);
    expect(svg.text).toContain(`b: ${B} (all tensors)`);
  });
});

test('an export that fails says why', async () => {
  const { Panel } = await import('../../src/elements/Panel');
  const failing = () => {
    throw new Error('the drawing is too large');
  };
  const View = () => (
    <Panel id="network" title="Network" exports={{ name: 'network', svg: failing }}>
      <p>drawn</p>
    </Panel>
  );
  page = openPage({}, {}, { NetworkView: View });
  for (const format of ['SVG', 'PNG']) {
    raised.value = [];
    await userEvent.click(await found('[aria-label="Export: Network"]'));
    await userEvent.click(await button('.menu', `Export ${format}`));
    await vi.waitFor(() =>
      expect(text('.notice[data-tone="error"]')).toContain(
        `Network could not be exported as ${format}: the drawing is too large`,
      ),
    );
  }
});
