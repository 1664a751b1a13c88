import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { page as browserPage, userEvent } from 'vitest/browser';
import { announcement } from '../../src/state/environment';
import * as training from '../../src/state/training';
import { pictureOf } from '../../src/state/training';
import { otherRun } from '../../src/state/training-other';
import { TrainingPage } from '../../src/TrainingPage';
import {
  FakeTraining,
  type FakeTrainingOptions,
  fakeThumbnail,
} from '../harness/training/fake-training';
import { trainingListing, trainingRun } from '../harness/training/listing';
import { EVERY, stepOf } from '../harness/training/plan';
import { found, openPage, type Page } from './page';

const OWN: FakeTrainingOptions = { dumps: 120, classes: 6, perClass: 6, layers: 6 };
const SHORT: FakeTrainingOptions = { ...OWN, dumps: 60, factor: 2 };
const NAME = 'warm-start';

let page: Page;

function open(other: FakeTrainingOptions = SHORT, keys: Readonly<Record<string, string>> = {}) {
  pictureOf.value = fakeThumbnail;
  const own = OWN.dumps as number;
  const listing = trainingListing(own);
  const runs = [...listing.runs.slice(0, 1), trainingRun(other.dumps ?? own, NAME)];
  page = openPage(
    { listing: { ...listing, runs }, training: { ...OWN, others: { [NAME]: other } } },
    { page: 'training', ...keys },
    { TrainingPage },
  );
}

beforeEach(async () => {
  // All sections are in sight: rows that are not are not drawn.
  await browserPage.viewport(1280, 2600);
});

afterEach(() => page.close());

const chooser = () => browserPage.getByLabelText('Compare with');
const all = (selector: string) => [...document.querySelectorAll<HTMLElement>(selector)];
const canvases = () => all('.layers-chart canvas') as HTMLCanvasElement[];

async function paired(): Promise<void> {
  await vi.waitFor(() => {
    expect(all('.layers-other-name').length).toBeGreaterThan(0);
    expect(canvases().every((canvas) => canvas.dataset.loading === undefined)).toBe(true);
    expect(all('.validation-other').length).toBeGreaterThan(0);
    expect(all('.validation-other-none')).toEqual([]);
    expect(all('[data-beside] .model-mark').length).toBeGreaterThan(0);
  });
}

/** How many of the pixels of a column of a canvas, at a share of its width, are painted. */
function painted(canvas: HTMLCanvasElement, share: number): number {
  const x = Math.min(canvas.width - 1, Math.floor(share * canvas.width));
  const { data } = (canvas.getContext('2d') as CanvasRenderingContext2D).getImageData(
    ...([x, 0, 1, canvas.height] as const),
  );
  return data.filter((value, index) => index % 4 === 3 && value > 0).length;
}

/** Moves the pointer over a place of a chart, as a share of its width. */
function pointAt(target: Element, over: DOMRect, share: number): void {
  target.dispatchEvent(
    new PointerEvent('pointermove', {
      bubbles: true,
      clientX: over.left + share * over.width,
      clientY: over.top + over.height / 2,
    }),
  );
}

const shown = (element: Element) => element.textContent?.replace(/\s+/g, ' ') ?? '';

test('another run is chosen in the head, lies below in every chart, and goes with one click', async () => {
  open();
  await expect.element(chooser()).toBeVisible();
  const options = [...(chooser().element() as HTMLSelectElement).options].map(({ text }) => text);
  expect(options).toEqual(['no other run', NAME]);
  await chooser().selectOptions(NAME);
  await paired();
  expect(page.address.keys.beside).toBe(NAME);
  expect(shown(await found('.beside'))).toContain(
    `${NAME}to step ${stepOf(59).toLocaleString('en-US')}`,
  );
  expect(all('.layers-chart')).toHaveLength(2 * training.shownUnits.value.length);
  await browserPage.getByRole('button', { name: `Stop comparing with ${NAME}` }).click();
  await vi.waitFor(() => expect(all('.layers-other-name, .validation-other, .beside')).toEqual([]));
  expect(page.address.keys.beside).toBeUndefined();
  expect(all('[data-beside]')).toEqual([]);
});

test('charts of both lie on one axis: the shorter ends where it ended', async () => {
  open(SHORT, { beside: NAME });
  await paired();
  const [own, other] = canvases() as [HTMLCanvasElement, HTMLCanvasElement];
  expect(own.getBoundingClientRect().left).toBe(other.getBoundingClientRect().left);
  expect(other.getBoundingClientRect().top).toBeGreaterThan(own.getBoundingClientRect().top);
  expect(painted(own, 0.9)).toBeGreaterThan(0);
  expect(painted(other, 0.4)).toBeGreaterThan(0);
  expect(painted(other, 0.49)).toBeGreaterThan(0);
  expect(painted(other, 0.52)).toBe(0);
});

test('a pair has one scale, that of the larger values', async () => {
  open({ ...SHORT, factor: 4 }, { beside: NAME, chart: 'line' });
  await paired();
  const highest = () => all('.layers-scale').map((scale) => Number(scale.children[0]?.textContent));
  const [together, drawn] = [highest(), painted(canvases()[0] as HTMLCanvasElement, 0.2)];
  expect(together).toHaveLength(training.shownUnits.value.length);
  expect(drawn).toBeGreaterThan(0);
  otherRun.value = null;
  await vi.waitFor(() => expect(highest()[0]).toBeLessThan((together[0] as number) / 1.5));
});

test('a longer run goes on beyond this one, on an axis with the steps of both', async () => {
  open({ ...SHORT, dumps: 200 }, { beside: NAME });
  await paired();
  expect(training.steps.value.at(-1)).toBe(stepOf(199));
  const [own, other] = canvases() as [HTMLCanvasElement, HTMLCanvasElement];
  expect(painted(own, 0.7)).toBe(0);
  expect(painted(other, 0.7)).toBeGreaterThan(0);
  const stage = await found('.layers-stage');
  pointAt(stage, own.getBoundingClientRect(), 0.8);
  const card = await found('.layers-card');
  expect(shown(card)).toContain('no dump here');
  expect(training.hoveredStep.value).toBeGreaterThan(stepOf(119));
});

test('the card of a layer reads both runs at the step', async () => {
  open(SHORT, { beside: NAME });
  await paired();
  const [own] = canvases() as [HTMLCanvasElement];
  pointAt(await found('.layers-stage'), own.getBoundingClientRect(), 0.25);
  const cells = await vi.waitFor(() => {
    const values = all('.layers-pair tbody td').map(({ textContent }) => Number(textContent));
    expect(values).toHaveLength(2);
    return values as [number, number];
  });
  expect(cells[1]).toBeCloseTo(2 * cells[0], 3);
  expect(all('.layers-pair thead th').map(shown)).toEqual(['resnet50', NAME]);
});

test('the card of a class reads both, also on the strip of the other', async () => {
  open(SHORT, { beside: NAME });
  await paired();
  const row = (await found('.validation-line[data-kind="other"]')).getBoundingClientRect();
  const frame = { ...row.toJSON(), left: row.left + 200, width: row.width - 216 };
  pointAt(all('.validation-body')[0] as Element, frame as DOMRect, 0.25);
  const card = await found('.validation-pair');
  expect(shown(card)).toMatch(/resnet50.*warm-start.*Error ?[\d.]+ %[\d.]+ %/);
  expect(training.hoveredStep.value).toBe(stepOf(30));
});

test('what the other run does not have says so', async () => {
  const own = ownTraining();
  open(
    {
      ...SHORT,
      changes: { units: own.units.slice(0, 2), classes: ['ox', ...own.classes.slice(1, 6)] },
    },
    { beside: NAME, clusters: 'off', lasting: '0', least: '1' },
  );
  await found('.layers-other-none');
  expect(all('.layers-other-none').some((each) => shown(each).startsWith(`not in ${NAME}`))).toBe(
    true,
  );
  await vi.waitFor(() => {
    expect(all('.validation-other-none').map(shown)).toEqual([
      `${NAME} has no class ${own.classes[0]}`,
    ]);
  });
  expect(shown(await found('.beside-note'))).toContain('5 of 6 classes are in both');
});

test('a run that counts epochs is not laid beside one that counts steps', async () => {
  open({ ...SHORT, changes: { axis: 'epoch' } }, { beside: NAME });
  const note = await found('.beside-note[data-tone="apart"]');
  expect(shown(note)).toBe(`Not aligned: ${NAME} counts epochs, this run steps.`);
  await found('.layers-chart canvas');
  expect(all('.layers-other-name, .validation-other, [data-beside]')).toEqual([]);
  expect(training.steps.value).toHaveLength(120);
});

test('arrows go from a row to that of the other run, at the same step', async () => {
  open(SHORT, { beside: NAME });
  await paired();
  const keys = await found('.layers-keys');
  keys.focus();
  await userEvent.keyboard('{Home}{ArrowRight}{ArrowRight}');
  expect(training.hoveredStep.value).toBe(stepOf(2));
  expect(keys.getAttribute('aria-valuetext')).toContain(`; ${NAME} `);
  await userEvent.keyboard('{ArrowDown}');
  expect(keys.getAttribute('aria-valuetext')).toContain(
    ` in ${NAME}, step ${stepOf(2).toLocaleString('en-US')}`,
  );
  await userEvent.keyboard('{End}');
  expect(training.hoveredStep.value).toBe(stepOf(59));
  await userEvent.keyboard('{Enter}');
  expect(training.pins.value).toEqual([stepOf(59)]);
});

test('rows of classes are walked and read out in both runs', async () => {
  open(SHORT, { beside: NAME });
  await paired();
  const grid = all('.validation-grid')[0] as HTMLElement;
  const rows = all('.validation-grid')[0]?.querySelectorAll('[role="row"]') ?? [];
  expect([...rows].map((row) => row.getAttribute('aria-label')?.split(':')[0])).toEqual([
    ...['All classes', `All classes in ${NAME}`],
  ]);
  grid.focus();
  await userEvent.keyboard('{Home}{ArrowRight}');
  expect(announcement.value).toMatch(new RegExp(`${NAME}: error [\\d.]+`));
  await userEvent.keyboard('{ArrowDown}{End}');
  expect(training.hoveredStep.value).toBe(stepOf(59));
  await userEvent.keyboard('p');
  expect(training.pins.value).toEqual([stepOf(59)]);
});

test('pins and zoom are of both', async () => {
  open(SHORT, { beside: NAME, steps: `${stepOf(50)}-${stepOf(69)}`, pins: String(stepOf(55)) });
  await paired();
  const [own, other] = canvases() as [HTMLCanvasElement, HTMLCanvasElement];
  expect(painted(own, 0.95)).toBeGreaterThan(0);
  expect(painted(other, 0.45)).toBeGreaterThan(0);
  expect(painted(other, 0.55)).toBe(0);
  expect(all('.pin-line')).toHaveLength(1);
  expect(stepOf(1) - stepOf(0)).toBe(EVERY);
});

test('a log that cannot be read says why, and the page goes on with one run', async () => {
  open(
    { ...SHORT, dumps: 0, changes: { state: 'empty', note: 'Nothing was recorded.' } },
    { beside: NAME },
  );
  expect(shown(await found('.beside-note[data-tone="apart"]'))).toBe('Nothing was recorded.');
  await found('.layers-chart canvas');
});

function ownTraining() {
  return new FakeTraining(OWN).training();
}

test('files have the rows of both runs, in columns for the passes of both', async () => {
  const passes = Array.from({ length: 60 }, (_, pass) => stepOf(pass) + 400);
  open({ ...SHORT, changes: { passes, dumps: passes } }, { beside: NAME });
  await paired();
  const { classRows } = await import('../../src/views/training-validation/classes-csv');
  const [header, ...rows] = classRows();
  expect(header?.slice(0, 6)).toEqual([
    ...['run', 'class', 'cluster', 'largest_anomaly', `error_at_${stepOf(0)}`],
    `error_at_${stepOf(0) + 400}`,
  ]);
  expect(header).toHaveLength(4 + 120 + 60);
  expect(rows.map(([run]) => run)).toEqual([...Array(7).fill('resnet50'), ...Array(7).fill(NAME)]);
  expect(rows.map((row) => row.slice(4, 6).map((cell) => cell === null))).toEqual([
    ...Array(7).fill([false, true]),
    ...Array(7).fill([true, false]),
  ]);
  const { layersCsv, layersSvg } = await import('../../src/views/training-layers/files');
  const lines = layersCsv().trim().split('\r\n');
  expect(lines).toHaveLength(1 + training.shownUnits.value.length * (120 + 60));
  expect(lines.at(-1)).toMatch(new RegExp(`^${NAME},`));
  expect(layersSvg('Layers').match(new RegExp(`>${NAME}<`, 'g'))).toHaveLength(
    training.shownUnits.value.length,
  );
});
