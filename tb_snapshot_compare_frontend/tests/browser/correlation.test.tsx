import { effect } from '@preact/signals';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { page as browserPage, userEvent } from 'vitest/browser';
import { formatCount } from '../../src/scales/format';
import { GUTTER } from '../../src/scales/steps';
import { latest } from '../../src/state/resources';
import { filters, layer } from '../../src/state/selection';
import * as training from '../../src/state/training';
import * as data from '../../src/state/training-data';
import { PADDING } from '../../src/views/training-correlation/CubeOver';
import * as cube from '../../src/views/training-correlation/cube-model';
import { apply, type Point } from '../../src/views/training-correlation/cube-projection';
import { correlationCsv, correlationSvg } from '../../src/views/training-correlation/files';
import * as model from '../../src/views/training-correlation/model';
import { boxOf, type Place } from '../../src/views/training-correlation/places';
import { found, type Page } from './page';
import { openTraining } from './training-page';

const CLOSED = 'findings,model,forensics,validation,layers';
const LOG = { dumps: 500, classes: 45, perClass: 20 };
let page: Page;

beforeEach(async () => {
  await browserPage.viewport(1280, 1000);
  model.choose(null);
});

afterEach(() => page.close());

async function open(keys: Readonly<Record<string, string>> = {}): Promise<HTMLElement> {
  page = openTraining({ closed: CLOSED, least: '2', ...keys }, LOG);
  return found('.correlation-scroller');
}

const button = (name: string | RegExp) => browserPage.getByRole('button', { name });
const scroller = () => document.querySelector<HTMLElement>('.correlation-scroller') as HTMLElement;

function dispatch(type: string, place: Place): void {
  const layout = model.layout.value;
  if (!layout) throw new Error('nothing is drawn');
  const [x, y, width, height] = boxOf(layout, place);
  const frame = scroller().getBoundingClientRect();
  const at = { clientX: frame.left + x + width / 2, clientY: frame.top + y + height / 2 };
  const Kind = type === 'click' ? MouseEvent : PointerEvent;
  scroller().dispatchEvent(new Kind(type, { bubbles: true, ...at }));
}

/** A set that occurs in several columns, not next to one another. */
function someSet() {
  const known = model.known.value;
  for (const [row, { sets }] of (known?.rows ?? []).entries()) {
    for (const [set, { columns }] of sets.entries()) {
      const gap = columns.findIndex((column, at) => (columns[at + 1] ?? 0) > column + 1);
      if (known && gap >= 0) return { known, row, set, block: columns[gap] as number };
    }
  }
  throw new Error('no set has a gap');
}

function placeOf(column: number, row: number, set: number): Place {
  const classPlace = model.layout.value?.columns.findLastIndex(({ first }) => first <= column) ?? 0;
  return { kind: 'block', row, set, column, classPlace };
}

function inked(): number {
  const canvas = document.querySelector<HTMLCanvasElement>('.correlation-canvas');
  const context = canvas?.getContext('2d');
  if (!canvas || !context || canvas.width === 0) return 0;
  const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
  return data.filter((value, at) => at % 4 === 3 && value > 0).length;
}

test('the matrix tells how many filters changed strongly for a class', async () => {
  await open();
  await vi.waitFor(() => expect(inked()).toBeGreaterThan(1000));
  const known = model.known.value;
  expect(known?.columns.length).toBeGreaterThan(4);
  const row = known?.rows.findIndex(({ distinct }) => (distinct[0] ?? 0) > 0) ?? -1;
  const place: Place = { kind: 'cell', row, classPlace: 0, column: null, set: null };
  dispatch('pointermove', place);
  const card = await found('.correlation-card');
  expect(card.textContent).toContain(`${known?.rows[row]?.distinct[0]} filters changed strongly`);
  expect(training.hoveredUnit.value).toBe(known?.rows[row]?.layer);
  expect(training.hoveredClass.value).toBe(known?.classes[0]);
  await vi.waitFor(() =>
    expect(document.querySelectorAll('.correlation-mark-over')).toHaveLength(2),
  );
  scroller().dispatchEvent(new PointerEvent('pointerleave'));
  expect(training.hoveredUnit.value).toBeNull();
  expect(correlationCsv()).toContain('layer,class,strongly_changing_filters');
});

const hint = () => document.querySelector('.correlation-chosen')?.textContent;

function cellWhere(holds: (count: number) => boolean): Place {
  const rows = model.known.value?.rows ?? [];
  for (const [row, { distinct }] of rows.entries()) {
    const classPlace = distinct.findIndex(holds);
    if (classPlace >= 0) return { kind: 'cell', row, classPlace, column: null, set: null };
  }
  throw new Error('no such cell');
}

test('the frame of the keyboard is as wide as what it goes around', async () => {
  await open();
  const { width } = model.layout.value as NonNullable<typeof model.layout.value>;
  await vi.waitFor(() =>
    expect(scroller().clientWidth).toBe(Math.min(width, model.room.value + 16)),
  );
});

test('a click on a cell keeps layer and class, and pins the iterations of the class', async () => {
  await open();
  expect(hint()).toBe(
    'Click a cell, or press Enter at it, to keep it highlighted and to pin its iterations.',
  );
  const place = cellWhere((count) => count > 0);
  dispatch('click', place);
  expect(model.chosen.value?.layer).toBe(model.known.value?.rows[place.row]?.layer);
  const count = model.known.value?.rows[place.row]?.distinct[place.classPlace];
  expect(model.chosen.value?.filters).toHaveLength(count ?? 0);
  expect(training.pins.value).toEqual(model.chosen.value?.steps);
  expect(training.pins.value.length).toBeGreaterThan(0);
  await button('Clear').click();
  expect(model.chosen.value).toBeNull();
});

test('a cell in which no filter changed pins nothing', async () => {
  await open();
  dispatch(
    'click',
    cellWhere((count) => count === 0),
  );
  expect(model.chosen.value?.filters).toEqual([]);
  expect(training.pins.value).toEqual([]);
  await vi.waitFor(() =>
    expect(hint()).toMatch(/^No filter of .* was among the most changed at the anomalies of /),
  );
});

test('while clicks do not pin, a cell is highlighted and a button pins its iterations', async () => {
  await open({ pin: 'off' });
  expect(hint()).toContain('its iterations are pinned while clicks pin');
  dispatch(
    'click',
    cellWhere((count) => count > 0),
  );
  expect(training.pins.value).toEqual([]);
  await button(/^Pin /).click();
  expect(training.pins.value).toEqual(model.chosen.value?.steps);
});

test('columns say their class, and their iterations the step', async () => {
  await open({ relation: 'full', kept: '1', least: '4' });
  await vi.waitFor(() => expect(model.heads.value?.steps).not.toBeNull());
  const steps = [...document.querySelectorAll('.correlation-step')].map((each) => each.textContent);
  expect(steps).toEqual(model.known.value?.columns.map(({ step }) => formatCount(step)));
  const svg = correlationSvg();
  for (const step of steps) expect(svg).toContain(`>${step}</text>`);
});

test('a click on a block pins its iteration, on a line all of those of its set', async () => {
  await open({ relation: 'full', kept: '1' });
  const { known, row, set, block } = someSet();
  dispatch('click', placeOf(block, row, set));
  expect(training.pins.value).toEqual([known.columns[block]?.step]);
  expect(model.chosen.value?.classes).toEqual([known.columns[block]?.class_index]);
  expect(model.chosen.value?.filters).toEqual(known.rows[row]?.sets[set]?.filters);
  dispatch('click', placeOf(block + 1, row, set));
  const columns = known.rows[row]?.sets[set]?.columns ?? [];
  const steps = new Set(columns.map((column) => known.columns[column]?.step));
  expect(new Set(training.pins.value)).toEqual(steps);
  expect(model.chosen.value?.of).toBe('set');
  const classes = new Set(columns.map((column) => known.columns[column]?.class_index));
  expect(new Set(model.chosen.value?.classes)).toEqual(classes);
  await found('.correlation-pin');
  expect(correlationCsv()).toContain('layer,mini_set,filters,class,step,side,images');
});

test('without pinning, a click highlights alone', async () => {
  await open({ relation: 'full', kept: '1', pin: 'off' });
  const { row, set, block } = someSet();
  dispatch('click', placeOf(block, row, set));
  expect(training.pins.value).toEqual([]);
  expect(model.chosen.value).not.toBeNull();
});

test('a mini-set is sent to Compare', async () => {
  await open({ relation: 'full', kept: '1' });
  const { known, row, set, block } = someSet();
  dispatch('click', placeOf(block, row, set));
  // The fake network does not have the layer, so that Compare lets go of it at once.
  const seen: [string | null, readonly number[]][] = [];
  const stop = effect(() => {
    seen.push([layer.value, filters.value]);
  });
  await button(/^Compare \d+ filters$/).click();
  stop();
  expect(training.page.value).toBe('compare');
  const { layer: name, sets } = known.rows[row] as (typeof known.rows)[number];
  expect(seen).toContainEqual([name, sets[set]?.filters]);
});

test('keys move over blocks, read them out, pin and clear', async () => {
  const grid = await open({ relation: 'full', kept: '1' });
  grid.focus();
  await userEvent.keyboard('{End}{ArrowDown}{ArrowUp}{Home}');
  const cell = await found('#correlation-cell');
  const known = model.known.value;
  expect(cell.textContent).toContain(known?.rows.find(({ sets }) => sets.length > 0)?.layer);
  expect(grid.getAttribute('aria-activedescendant')).toBe('correlation-cell');
  const first = known?.rows.find(({ sets }) => sets.length > 0)?.sets[0]?.columns[0] ?? 0;
  await userEvent.keyboard('{ArrowRight}'.repeat(first));
  await userEvent.keyboard('{Enter}');
  expect(training.pins.value).toEqual([known?.columns[first]?.step]);
  await userEvent.keyboard('{Escape}');
  expect(model.chosen.value).toBeNull();
});

test('what counts is asked for, and is in the address', async () => {
  await open({ relation: 'full' });
  await button('Fewer mini-sets').click();
  await button('All layers').click();
  await button('More top filters').click();
  await vi.waitFor(() => {
    const asked = page.server.requests.filter((url) => url.startsWith('training_correlation'));
    expect(asked.at(-1)).toMatch(/count=11.*keep=3.*all_layers=1/);
  });
  await vi.waitFor(() =>
    expect(page.address.keys).toMatchObject({ changed: '11', kept: '3', every: 'on' }),
  );
});

test('without anomalies it says at which threshold there are some', async () => {
  page = openTraining({ closed: CLOSED, least: '50' }, LOG);
  const empty = await found('[data-section="correlation"] .empty-state');
  expect(empty.textContent).toContain('No class has two anomalies of 50 images');
  await button(/^Threshold \d+: \d+ iterations of \d+ class/)
    .first()
    .click();
  await found('.correlation-scroller');
});

test('classes with one anomaly alone are told of, not denied', async () => {
  page = openTraining({ closed: CLOSED, least: '50' }, LOG);
  const empty = await found('[data-section="correlation"] .empty-state');
  const known = latest(data.trainingClasses.value);
  if (known === null) throw new Error('no classes');
  const counts = (): Int32Array => new Int32Array(known.left.length);
  const show = (left: Int32Array) => {
    const value = { ...known, left, right: counts() };
    data.trainingClasses.value = { status: 'ready', value };
  };
  show(counts().fill(3, 7, 8));
  await vi.waitFor(() =>
    expect(empty.textContent).toContain(
      '1 class has one anomaly alone, whatever the threshold, and no class has two',
    ),
  );
  show(counts());
  await vi.waitFor(() =>
    expect(empty.textContent).toContain('No image of any class changed its state'),
  );
});

test('a mini-set that nothing reaches: says so, and keeps from less', async () => {
  page = openTraining({ closed: CLOSED, least: '2', relation: 'full', kept: '5000' }, LOG);
  const empty = await found('[data-section="correlation"] .empty-state');
  expect(empty.textContent).toContain('No mini-set reaches 5,000');
  await button('Keep from 2,500').click();
  expect(training.correlationKeep.value).toBe(2500);
});

test('without validation passes it says what records them', async () => {
  page = openTraining({ closed: CLOSED }, { ...LOG, changes: { passes: [] } });
  const empty = await found('[data-section="correlation"] .empty-state');
  expect(empty.textContent).toContain('No validation passes were recorded');
});

test('without validation passes it says why the probe was given up', async () => {
  const text = 'The probe is not recorded: probe_data is empty';
  const event = { step: 0, time: 1, kind: 'probe' as const, text };
  page = openTraining({ closed: CLOSED }, { ...LOG, changes: { passes: [], events: [event] } });
  const empty = await found('[data-section="correlation"] .empty-state');
  expect(empty.textContent).toContain(text);
  expect(empty.textContent).not.toContain('SnapshotCallback');
});

test('the drawing as a file has its names and all blocks', async () => {
  await open({ relation: 'full', kept: '1' });
  const svg = correlationSvg();
  const known = model.known.value;
  const blocks = known?.rows.flatMap(({ sets }) => sets.flatMap(({ columns }) => columns)) ?? [];
  expect(svg.split(`fill="${model.colors.value.block}"/>`).length).toBeGreaterThan(blocks.length);
  for (const { layer: name } of model.layout.value?.rows ?? []) expect(svg).toContain(name);
  expect(
    new DOMParser().parseFromString(svg, 'image/svg+xml').querySelector('parsererror'),
  ).toBeNull();
});

function onCube(type: string, affine: Parameters<typeof apply>[0], place: Point): void {
  const frame = scroller().getBoundingClientRect();
  const [x, y] = apply(affine, place);
  const { scrollLeft, scrollTop } = scroller();
  const at = {
    clientX: frame.left + GUTTER + x - scrollLeft,
    clientY: frame.top + PADDING + y - scrollTop,
  };
  const Kind = type === 'click' ? MouseEvent : PointerEvent;
  scroller().dispatchEvent(new Kind(type, { bubbles: true, ...at }));
}

const names = () =>
  [...document.querySelectorAll('.correlation-name[data-over]')].map((name) => name.textContent);

test.each(['flat', 'oblique'])('the cube links its three faces: %s', async (projection) => {
  await open({ relation: 'cube', cube: projection, kept: '1' });
  await vi.waitFor(() => expect(cube.changes.value?.lines.size).toBeGreaterThan(0));
  await vi.waitFor(() => expect(inked()).toBeGreaterThan(1000));
  const layout = cube.cubeLayout.value;
  const { front, top, right } = cube.projection.value;
  const [row, column] = [layout?.rows[1], layout?.columns[1]];
  if (!row || !column) throw new Error('the cube is empty');

  onCube('pointermove', front, [40, row.top + 6]);
  expect(training.hoveredUnit.value).toBe(row.layer);
  expect(training.hoveredStep.value).not.toBeNull();
  expect((await found('.correlation-card')).textContent).toMatch(/filter \d+/);
  await vi.waitFor(() => expect(names()).toEqual([row.layer]));

  onCube('pointermove', top, [80, column.left + 2]);
  expect(training.hoveredClass.value).toBe(column.classIndex);
  await vi.waitFor(() => expect(names()).toEqual([model.className(column.classIndex)]));
  expect((await found('.correlation-card')).textContent).toMatch(/Error [\d.]+/);
  expect(document.querySelectorAll('.correlation-mark-over')).toHaveLength(2);
  expect(document.querySelector('.correlation-turn') !== null).toBe(projection === 'flat');

  onCube('pointermove', right, [column.left + 3, row.top + 6]);
  expect(training.hoveredUnit.value).toBe(row.layer);
  expect(training.hoveredClass.value).toBe(column.classIndex);
  await vi.waitFor(() =>
    expect(document.querySelectorAll('.correlation-mark-over')).toHaveLength(4),
  );
  onCube('click', front, [40, row.top + 6]);
  expect(training.pins.value).toHaveLength(1);
  await found('.correlation-time-pin');
});

test('the cube turns by its switch, and its blocks are pinned by keyboard', async () => {
  await open({ relation: 'cube', kept: '1' });
  await button('Oblique').click();
  await vi.waitFor(() => expect(cube.obliqueness.value).toBe(1));
  const known = model.known.value;
  const first = known?.rows.find(({ sets }) => sets.length > 0)?.sets[0]?.columns[0] ?? 0;
  scroller().focus();
  await userEvent.keyboard('{ArrowRight}'.repeat(first));
  await userEvent.keyboard('{Enter}');
  expect(training.pins.value).toEqual([known?.columns[first]?.step]);
  await vi.waitFor(() => expect(page.address.keys).toMatchObject({ cube: 'oblique' }));
});

test('filters are asked for by the cube alone, and only those in mini-sets', async () => {
  await open({ relation: 'full', kept: '1' });
  const asked = () => page.server.requests.filter((url) => url.startsWith('training_filters'));
  expect(asked()).toEqual([]);
  await button('Cube').click();
  await vi.waitFor(() => expect(asked()).toHaveLength(cube.cubeLayout.value?.rows.length ?? 0));
  for (const url of asked()) expect(url).toContain('filters=');
});

test('the cube as a file', async () => {
  await open({ relation: 'cube', cube: 'oblique', kept: '1' });
  await vi.waitFor(() => expect(cube.changes.value?.lines.size).toBeGreaterThan(0));
  const svg = correlationSvg();
  expect(svg.match(/<image /g)).toHaveLength(2);
  for (const word of ['Error', 'a filter’s largest change', 'mini-set'])
    expect(svg).toContain(word);
  for (const { layer: name } of cube.cubeLayout.value?.rows ?? []) expect(svg).toContain(name);
  const made = new DOMParser().parseFromString(svg, 'image/svg+xml');
  expect(made.querySelector('parsererror')).toBeNull();
});
