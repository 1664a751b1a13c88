import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { page as browserPage, userEvent } from 'vitest/browser';
import { accuracyColors } from '../../src/scales/accuracy';
import { columnsOf, GUTTER, MARGIN } from '../../src/scales/steps';
import { announcement } from '../../src/state/environment';
import { a, b } from '../../src/state/selection';
import * as state from '../../src/state/training';
import { setDark } from '../../src/theme/theme';
import * as model from '../../src/views/training-validation/model';
import { cellColors } from '../../src/views/training-validation/palette';
import { found, openValidation, SMALL, type ValidationPage } from './validation-page';

let page: ValidationPage;

beforeEach(async () => {
  await browserPage.viewport(1320, 900);
});

afterEach(() => page.close());

const keys = () =>
  [...document.querySelectorAll<HTMLElement>('.validation-line')].map(({ dataset }) => dataset.key);
const line = (key: string) => found(`.validation-line[data-key="${key}"]`);
const rows = () => found('[aria-label="Classes over time"]');
const openers = (key: string) => found(`.validation-line[data-key="${key}"] .validation-opener`);
const step = (pass: number) => page.recording.training.passes[pass] as number;

/** Places in pixels of the window: the middle of a pass, at a height within the chart of a line. */
async function place(key: string, pass: number, y: number): Promise<{ x: number; y: number }> {
  await line(key);
  const layout = key === 'model' ? null : model.layout.value;
  const placed = layout?.lines.find((each) => each.key === key);
  const body = (await line(key)).closest('.validation-body')?.getBoundingClientRect();
  const column = columnsOf(model.passes.value, model.scale.value)[pass];
  if (!body || !column) throw new Error(`no pass ${pass}`);
  const top = placed ? placed.top + placed.chartTop : 13;
  return { x: body.left + GUTTER + (column.left + column.right) / 2, y: body.top + top + y };
}

async function send(type: string, key: string, pass: number, y: number, detail = 1): Promise<void> {
  const { x, y: down } = await place(key, pass, y);
  const grid = (await line(key)).closest('.validation-grid') as HTMLElement;
  const Kind = type === 'click' ? MouseEvent : PointerEvent;
  grid.dispatchEvent(new Kind(type, { bubbles: true, clientX: x, clientY: down, detail }));
}

async function pixel(key: string, pass: number, y: number): Promise<string> {
  const { x, y: down } = await place(key, pass, y);
  const canvas = (await line(key))
    .closest('.validation-grid')
    ?.querySelector('canvas') as HTMLCanvasElement;
  const frame = canvas.getBoundingClientRect();
  const ratio = canvas.width / frame.width;
  const context = canvas.getContext('2d', { willReadFrequently: true });
  const [red = 0, green = 0, blue = 0] =
    context?.getImageData((x - frame.left) * ratio, (down - frame.top) * ratio, 1, 1).data ?? [];
  return `#${[red, green, blue].map((part) => part.toString(16).padStart(2, '0')).join('')}`;
}

const accuracyColor = (accuracy: number, theme: 'light' | 'dark' = 'light') => {
  const colors = accuracyColors(theme);
  // Strips are painted by error, with the colours reversed.
  return colors[colors.length - 1 - Math.round((1 - accuracy) * (colors.length - 1))];
};

describe('rows', () => {
  test('clusters are listed best first, and a click opens their classes', async () => {
    page = openValidation();
    await line('cluster-3');
    expect(keys()).toEqual(['model', 'cluster-0', 'cluster-1', 'cluster-2', 'cluster-3']);
    const means = model.clusterGroups.value.map(({ error }) =>
      error.reduce((sum, value) => sum + value, 0),
    );
    expect(means).toEqual([...means].sort((one, other) => one - other));
    expect((await line('cluster-0')).textContent).toContain('1 class');
    expect((await line('cluster-0')).querySelectorAll('img')).toHaveLength(1);
    await userEvent.click(await openers('cluster-0'));
    const [index] = model.clusters.value?.[0] ?? [];
    await line(`class-${index}`);
    expect((await line('cluster-0')).ariaExpanded).toBe('true');
    await userEvent.click(await openers('cluster-0'));
    await vi.waitFor(() => expect(keys()).not.toContain(`class-${index}`));
  });

  test('charts begin behind the gutter and end before the margin', async () => {
    page = openValidation();
    const canvas = await found('.validation-grid canvas');
    const frame = (await found('.validation')).getBoundingClientRect();
    await vi.waitFor(() => {
      const { left, width } = canvas.getBoundingClientRect();
      expect(left - frame.left).toBe(GUTTER);
      expect(width).toBe(frame.width - GUTTER - MARGIN);
    });
  });

  test('a strip has the colour of the accuracy at every pass, in both themes', async () => {
    page = openValidation();
    state.clustered.value = false;
    await line('class-0');
    for (const theme of ['light', 'dark'] as const) {
      setDark(theme === 'dark');
      for (const index of [0, 3]) {
        for (let pass = 0; pass < 12; pass += 1) {
          const error = model.classError(index)[pass] as number;
          await vi.waitFor(async () =>
            expect(await pixel(`class-${index}`, pass, 8)).toBe(accuracyColor(1 - error, theme)),
          );
        }
      }
    }
    const error = model.modelGroup.value?.error[11] as number;
    expect(await pixel('model', 11, 8)).toBe(accuracyColor(1 - error, 'dark'));
  });

  test('they come by similarity or by peak', async () => {
    page = openValidation();
    state.clustered.value = false;
    const { mds, peak } = page.recording.classes(2);
    const listed = () => keys().filter((key) => key?.startsWith('class'));
    await vi.waitFor(() => expect(listed()).toEqual([...mds].map((index) => `class-${index}`)));
    await browserPage.getByRole('button', { name: 'Peak' }).click();
    await vi.waitFor(() => expect(listed()).toEqual([...peak].map((index) => `class-${index}`)));
  });

  test('the view collapses to the strip of the model', async () => {
    page = openValidation();
    await line('cluster-0');
    await userEvent.click(await openers('model'));
    await vi.waitFor(() => expect(keys()).toEqual(['model']));
    expect(document.querySelector('.validation-marks')).not.toBeNull();
    await userEvent.click(await openers('model'));
    await line('cluster-0');
  });
});

describe('the threshold', () => {
  const listed = () => keys().filter((key) => key?.startsWith('class')).length;
  const reaching = (threshold: number) =>
    [...model.peaks.value].filter((peak) => peak >= threshold).length;

  test('leaves out classes, says how many, and shows all on demand', async () => {
    page = openValidation();
    state.clustered.value = false;
    const most = Math.max(...model.peaks.value);
    state.threshold.value = most;
    await vi.waitFor(() => expect(listed()).toBe(reaching(most)));
    expect(reaching(most)).toBeLessThan(4);
    const rest = await line('rest-all');
    expect(rest.textContent).toContain(`${most} or more images changed`);
    expect((await found('.validation-listed')).textContent).toContain(
      `${reaching(most)} of 4 reach the threshold`,
    );
    await userEvent.click(rest.querySelector('button') as HTMLElement);
    await vi.waitFor(() => expect(listed()).toBe(4));
    await browserPage.getByRole('button', { name: 'List these only' }).click();
    await vi.waitFor(() => expect(listed()).toBe(reaching(most)));
  });

  test('is suggested by the data; the published one is a click away', async () => {
    page = openValidation();
    await line('cluster-0');
    expect(state.anomalyRule.value.threshold).toBe(3);
    const suggested = browserPage.getByRole('button', { name: 'Suggested 3' });
    await expect.element(suggested).toHaveAttribute('aria-pressed', 'true');
    await browserPage.getByRole('button', { name: 'Published 5' }).click();
    expect(state.threshold.value).toBe(5);
    await expect.element(suggested).toHaveAttribute('aria-pressed', 'false');
    await browserPage.getByRole('button', { name: 'More images' }).click();
    await vi.waitFor(() => expect(state.threshold.value).toBe(6));
    state.runLength.value = 4;
    await suggested.click();
    expect(state.anomalyRule.value).toEqual({ runLength: 2, threshold: 3 });
    await expect.element(suggested).toHaveAttribute('aria-pressed', 'true');
  });

  test('immediate changes have a threshold of their own, and marks on one side', async () => {
    page = openValidation();
    state.clustered.value = false;
    await line('class-0');
    const right = () =>
      document.querySelectorAll('.validation-marks .validation-mark-right[d^="M"]');
    expect(right().length).toBeGreaterThan(0);
    await browserPage.getByRole('button', { name: 'Immediate' }).click();
    // 12 images a class: as large a share of them as 30 of 50.
    expect(state.anomalyRule.value).toEqual({ runLength: 0, threshold: 8 });
    await vi.waitFor(() => expect(right()).toHaveLength(0));
    await browserPage.getByRole('button', { name: 'Published 30' }).click();
    expect(state.anomalyRule.value).toEqual({ runLength: 0, threshold: 30 });
    await browserPage.getByRole('button', { name: 'Immediate' }).click();
    expect(state.anomalyRule.value).toEqual({ runLength: 2, threshold: 3 });
  });

  test('an opened class is listed, but does not count as one that reaches the threshold', async () => {
    page = openValidation();
    state.clustered.value = false;
    state.threshold.value = 13;
    state.openClasses.value = [1];
    await line('class-1');
    expect((await found('.validation-listed')).textContent).toContain('0 of 4 reach');
  });

  test('the run is told in passes and in steps', async () => {
    page = openValidation();
    await expect.element(browserPage.getByText('passes = 1,500 steps')).toBeInTheDocument();
    await browserPage.getByRole('button', { name: 'More passes' }).click();
    await vi.waitFor(() => expect(state.runLength.value).toBe(3));
    await expect.element(browserPage.getByText('passes = 2,000 steps')).toBeInTheDocument();
  });

  test('marks can be hidden', async () => {
    page = openValidation();
    await line('cluster-0');
    await browserPage.getByRole('button', { name: 'Anomalies' }).click();
    await vi.waitFor(() => expect(document.querySelector('.validation-marks')).toBeNull());
  });
});

test('classes are found by name, whatever the threshold', async () => {
  page = openValidation();
  state.threshold.value = 1000;
  await line('cluster-0');
  await userEvent.type(await found('.validation-find input'), 'TRU');
  await vi.waitFor(() => expect(keys()).toEqual(['model', 'class-3']));
  expect((await found('.validation-listed')).textContent).toBe('1 of 4 found');
  await userEvent.type(await found('.validation-find input'), 'x');
  await expect.element(browserPage.getByText('No class matches “TRUx”.')).toBeInTheDocument();
  await userEvent.keyboard('{Escape}');
  await line('cluster-0');
});

describe('an opened class', () => {
  async function opened(): Promise<string> {
    page = openValidation();
    state.clustered.value = false;
    await userEvent.click(await openers('class-2'));
    await found('[data-key="class-2"] .validation-image-name');
    return 'class-2';
  }

  test('shows every image at every pass: correct, wrong, or with the probability', async () => {
    const key = await opened();
    const { correct, wrong } = cellColors('light');
    const images = page.recording.images(2);
    const cell = model.zoomOf(2, 12) * 4;
    for (const row of [0, 5, 11]) {
      for (const pass of [0, 3, 11]) {
        const at = (images.order[row] as number) * 12 + pass;
        const color = images.predicted[at] === 2 ? correct : wrong;
        await vi.waitFor(async () =>
          expect(await pixel(key, pass, (row + 0.5) * cell)).toBe(color),
        );
      }
    }
    await browserPage.getByRole('button', { name: 'Probability' }).click();
    const at = (images.order[0] as number) * 12 + 11;
    const colors = accuracyColors('light');
    const value = 0.5 + (images.probability[at] as number) / 2;
    await vi.waitFor(async () =>
      expect(await pixel(key, 11, 0.5 * cell)).toBe(colors[Math.round(value * 255)]),
    );
  });

  test('names its rows in the order of the server, with pictures, when they are high enough', async () => {
    await opened();
    const { names, order } = page.recording.images(2);
    const named = () =>
      [...document.querySelectorAll('.validation-image-label')].map(
        ({ textContent }) => textContent,
      );
    expect(named()).toEqual([...order].map((place) => names[place]));
    expect(document.querySelectorAll('.validation-image-name img')).toHaveLength(12);
    const zoom = (await found('.validation-zoom input')) as HTMLInputElement;
    zoom.value = '2.5';
    zoom.dispatchEvent(new Event('input', { bubbles: true }));
    await vi.waitFor(() => expect(named()).toEqual([]));
    expect(model.zooms.value.get(2)).toBe(2.5);
    zoom.value = '3';
    zoom.dispatchEvent(new Event('input', { bubbles: true }));
    await vi.waitFor(() => expect(named()).toHaveLength(12));
    expect(document.querySelectorAll('.validation-image-name img')).toHaveLength(0);
  });

  test('of too many the first is closed', async () => {
    page = openValidation({ ...SMALL, classes: 14, names: undefined });
    for (let index = 0; index < 13; index += 1) model.toggleClass(index);
    expect(state.openClasses.value).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  });

  test('a second click shows its strip again', async () => {
    const key = await opened();
    await userEvent.click(await openers(key));
    await vi.waitFor(() => expect(state.openClasses.value).toEqual([]));
    await vi.waitFor(async () => expect((await line(key)).dataset.kind).toBe('class'));
  });

  test('a pixel opens its image unless clicks pin', async () => {
    const key = await opened();
    const cell = model.zoomOf(2, 12) * 4;
    const { image, order } = page.recording.images(2);
    await send('click', key, 4, 3.5 * cell);
    expect(state.pins.value).toEqual([step(4)]);
    expect(state.openImage.value).toBeNull();
    state.pinMode.value = false;
    await send('click', key, 4, 3.5 * cell);
    expect(state.openImage.value).toBe(image[order[3] as number]);
    expect(state.openImageClass.value).toBe(2);
    await found('dialog[open]');
  });
});

describe('hovering', () => {
  test('moves the step of the page and tells the values, without a new drawing', async () => {
    page = openValidation();
    state.clustered.value = false;
    await line('class-1');
    await vi.waitFor(async () => expect(await pixel('class-1', 0, 8)).not.toBe('#000000'));
    const painted = vi.spyOn(CanvasRenderingContext2D.prototype, 'putImageData');
    for (let pass = 0; pass < 12; pass += 1) await send('pointermove', 'class-1', pass, 8);
    expect(state.hoveredStep.value).toBe(step(11));
    expect(state.hoveredClass.value).toBe(1);
    const card = await found('.tooltip .validation-card');
    const percent = Math.round(1000 * (model.classError(1)[11] as number)) / 10;
    await vi.waitFor(() => expect(card.textContent).toContain('Step 6,000 · pass 12 of 12'));
    expect(card.textContent).toContain('dog');
    expect(card.textContent?.replaceAll('\u00a0', ' ')).toContain(`Error${percent} %`);
    expect(painted).not.toHaveBeenCalled();
    painted.mockRestore();
    (await rows()).dispatchEvent(new PointerEvent('pointerleave'));
    expect([state.hoveredStep.value, state.hoveredClass.value]).toEqual([null, null]);
    await vi.waitFor(() => expect(document.querySelector('.tooltip')).toBeNull());
  });

  test('a class pointed at in another view is marked here', async () => {
    page = openValidation();
    state.clustered.value = false;
    const row = await line('class-3');
    state.hoveredClass.value = 3;
    const band = await found('.validation-band');
    expect(band.getBoundingClientRect().top).toBe(row.getBoundingClientRect().top);
  });

  test('a mark tells what happened, and a click pins its step', async () => {
    page = openValidation();
    state.clustered.value = false;
    state.pinMode.value = false;
    const { left, right } = page.recording.classes(2);
    for (const [side, counts, y, words] of [
      ['left', left, -3, 'changed after a stable run of at least 3 passes.'],
      ['right', right, 19, 'changed and then stayed so for at least 3 passes.'],
    ] as const) {
      const at = counts.findIndex((count) => count >= 3);
      const [index, pass] = [Math.floor(at / 12), at % 12];
      const name = SMALL.names?.[index];
      await send('pointermove', `class-${index}`, pass, y);
      await vi.waitFor(() =>
        expect(document.querySelector('.validation-card-mark')?.textContent).toContain(
          `${counts[at]} images of ${name} ${words}`,
        ),
      );
      const told = document.querySelector('.validation-card')?.textContent ?? '';
      expect(told.includes('known only 3 passes afterwards')).toBe(side === 'right');
      await send('click', `class-${index}`, pass, y);
      expect(state.pins.value).toEqual([step(pass)]);
      await send('click', `class-${index}`, pass, y);
      expect(state.pins.value).toEqual([]);
    }
  });

  /** An anomaly after the first pass, with a snapshot of every pass. */
  async function anomaly(): Promise<readonly [key: string, index: number, pass: number]> {
    page = openValidation();
    state.clustered.value = false;
    const snapshots = page.recording.training.passes.map((at) => ({ id: `at ${at}`, step: at }));
    state.training.value = { status: 'ready', value: { ...page.recording.training, snapshots } };
    const at = page.recording.classes(2).left.findIndex((count) => count >= 3);
    return [`class-${Math.floor(at / 12)}`, Math.floor(at / 12), at % 12];
  }

  test('a click on a mark sets Compare, a double click opens it', async () => {
    const [key, , pass] = await anomaly();
    [a.value, b.value] = [null, null];
    await send('pointermove', key, pass, -3);
    const words = `step ${step(pass - 1).toLocaleString('en-US')} (a) and step ${step(pass).toLocaleString('en-US')} (b)`;
    await vi.waitFor(() =>
      expect(document.querySelector('.validation-card-mark')?.textContent).toContain(words),
    );
    await send('click', key, pass, -3);
    expect([a.value, b.value]).toEqual([`at ${step(pass - 1)}`, `at ${step(pass)}`]);
    expect([state.page.value, state.pins.value]).toEqual(['training', [step(pass)]]);
    [a.value, b.value] = [null, null];
    await send('click', key, pass, -3);
    await send('click', key, pass, -3, 2);
    expect([a.value, b.value]).toEqual([`at ${step(pass - 1)}`, `at ${step(pass)}`]);
    expect([state.page.value, state.pins.value]).toEqual(['compare', [step(pass)]]);
  });

  test('Shift and Enter at a mark opens Compare, elsewhere what lies there', async () => {
    const [, index, pass] = await anomaly();
    [a.value, b.value] = [null, null];
    (await rows()).focus();
    const down = '{ArrowDown}'.repeat(model.order.value.indexOf(index));
    const right = '{ArrowRight}'.repeat(pass - 1);
    await userEvent.keyboard(`${down}{Home}${right}{Shift>}{Enter}{/Shift}`);
    expect([state.page.value, a.value]).toEqual(['training', null]);
    expect(state.openClasses.value).toEqual([index]);
    await userEvent.keyboard('{Enter}{ArrowRight}{Shift>}{Enter}{/Shift}');
    expect([state.page.value, b.value]).toEqual(['compare', `at ${step(pass)}`]);
  });

  test('a class that is opened far below has its lower marks in sight', async () => {
    page = openValidation();
    state.clustered.value = false;
    model.height.value = 420;
    const last = model.order.value.at(-1) as number;
    const grid = await rows();
    grid.scrollTop = grid.scrollHeight;
    await userEvent.click(await openers(`class-${last}`));
    await vi.waitFor(() => {
      const line = model.layout.value.lines.find(({ key }) => key === `class-${last}`);
      expect(line?.kind === 'images' && line.images).toBe(12);
      const bottom = (line?.top ?? 0) + (line?.height ?? 0);
      expect(grid.scrollTop + grid.clientHeight).toBeGreaterThanOrEqual(bottom);
    });
  });

  test('a mark of an opened class tells how many became wrong', async () => {
    page = openValidation();
    state.clustered.value = false;
    const { left } = page.recording.classes(2);
    const at = left.findIndex((count) => count >= 3);
    const [index, pass] = [Math.floor(at / 12), at % 12];
    state.openClasses.value = [index];
    await found(`[data-key="class-${index}"] .validation-image-name`);
    await send('pointermove', `class-${index}`, pass, -3);
    await vi.waitFor(() =>
      expect(document.querySelector('.validation-card-mark')?.textContent).toMatch(
        /\d+ became wrong, \d+ correct\./,
      ),
    );
  });
});

describe('keyboard', () => {
  test('the focus is framed above opened classes too', async () => {
    page = openValidation();
    state.openClusters.value = [0];
    model.listAll.value = true;
    state.openClasses.value = [0, 1, 2, 3];
    await found('.validation-line[data-kind="images"]');
    await userEvent.keyboard('{Tab}');
    const grid = document.querySelectorAll<HTMLElement>('.validation-grid')[1] as HTMLElement;
    grid.focus();
    const ring = getComputedStyle(grid.parentElement as HTMLElement, '::after');
    expect(ring.borderTopWidth).toBe('2px');
    const heads = [...grid.querySelectorAll('*')].map((each) => getComputedStyle(each).zIndex);
    const highest = Math.max(...heads.map(Number).filter(Number.isFinite));
    expect(Number(ring.zIndex)).toBeGreaterThan(highest);
  });

  const described = async () => (await rows()).getAttribute('aria-activedescendant');

  test('arrows move over rows and passes, Enter opens, P pins', async () => {
    page = openValidation();
    (await rows()).focus();
    await vi.waitFor(async () => expect(await described()).toBe('validation-cluster-0'));
    await userEvent.keyboard('{ArrowDown}{Enter}');
    const [index] = model.clusters.value?.[1] ?? [];
    await line(`class-${index}`);
    expect(await described()).toBe('validation-cluster-1');
    await userEvent.keyboard('{ArrowDown}{Enter}');
    await found(`[data-key="class-${index}"] .validation-image-name`);
    expect(state.openClasses.value).toEqual([index]);
    await userEvent.keyboard('{ArrowDown}{ArrowDown}{ArrowLeft}');
    const id = `validation-class-${index}-row-1`;
    await vi.waitFor(async () => expect(await described()).toBe(id));
    expect(document.getElementById(id)?.role).toBe('row');
    expect(state.hoveredStep.value).toBe(step(10));
    expect(announcement.value).toMatch(/^step 5,500: predicted .*(correct|wrong); true class /);
    await userEvent.keyboard('p');
    expect(state.pins.value).toEqual([step(10)]);
    await userEvent.keyboard('{Enter}');
    const { image, order } = page.recording.images(index as number);
    expect(state.openImage.value).toBe(image[order[1] as number]);
  });

  test('goes on from where the pointer opened something', async () => {
    page = openValidation();
    await userEvent.click(await openers('cluster-2'));
    expect(document.activeElement).toBe(await rows());
    const [index] = model.clusters.value?.[2] ?? [];
    await line(`class-${index}`);
    await userEvent.keyboard('{ArrowDown}');
    await vi.waitFor(async () => expect(await described()).toBe(`validation-class-${index}`));
  });

  test('plus and minus set the height of rows; rows too low for names can still be held', async () => {
    page = openValidation();
    state.clustered.value = false;
    state.openClasses.value = [2];
    await found('[data-key="class-2"] .validation-image-name');
    (await rows()).focus();
    const at = model.layout.value.lines.findIndex(({ key }) => key === 'class-2');
    await userEvent.keyboard('{ArrowDown}'.repeat(at + 3));
    await userEvent.keyboard('-'.repeat(9));
    await vi.waitFor(() => expect(model.zooms.value.get(2)).toBe(2));
    await vi.waitFor(() =>
      expect(document.getElementById('validation-class-2-row-2')?.className).toBe(
        'visually-hidden',
      ),
    );
    await userEvent.keyboard('+');
    expect(model.zooms.value.get(2)).toBe(2.5);
  });

  test('comma and period go to anomalies, which are read out', async () => {
    page = openValidation();
    state.clustered.value = false;
    const { left, right } = page.recording.classes(2);
    const [first] = model.order.value;
    const marks = (all: Int32Array) =>
      [...all.subarray((first ?? 0) * 12, (first ?? 0) * 12 + 12)].flatMap((count, pass) =>
        count >= 3 ? [pass] : [],
      );
    const passes = [...new Set([...marks(left), ...marks(right)])].sort((x, y) => x - y);
    expect(passes.length).toBeGreaterThan(0);
    (await rows()).focus();
    await userEvent.keyboard('{Home}.');
    await vi.waitFor(() => expect(state.hoveredStep.value).toBe(step(passes[0] as number)));
    expect(announcement.value).toMatch(/images of \w+ changed/);
  });

  test('the strip of the model is a row of its own', async () => {
    page = openValidation();
    const strip = await found('[aria-label="Validation error of all classes over time"]');
    strip.focus();
    await userEvent.keyboard('{ArrowLeft}');
    await vi.waitFor(() => expect(state.hoveredStep.value).toBe(step(10)));
    await userEvent.keyboard('{Enter}');
    expect(state.validationOpen.value).toBe(false);
    expect((await line('model')).getAttribute('aria-label')).toMatch(
      /^All classes: error from .+ at step 500 to /,
    );
  });
});

describe('a thousand classes of 757 passes', () => {
  const LARGE = { classes: 1000, images: 8, passes: 757, interval: 1600, suggested: 1 };

  test('are drawn only where they are in sight', async () => {
    page = openValidation(LARGE);
    state.clustered.value = false;
    state.threshold.value = 1;
    model.listAll.value = true;
    await line(`class-${model.order.value[0]}`);
    expect(model.layout.value.lines).toHaveLength(1000);
    expect(document.querySelectorAll('.validation-line').length).toBeLessThan(80);
    const grid = await rows();
    const canvas = grid.querySelector('canvas') as HTMLCanvasElement;
    expect(canvas.clientHeight).toBeLessThan(2000);
    grid.scrollTop = grid.scrollHeight;
    const last = `class-${model.order.value[999]}`;
    await line(last);
    expect(document.querySelectorAll('.validation-line').length).toBeLessThan(80);
    const error = model.classError(model.order.value[999] as number)[400] as number;
    await vi.waitFor(async () => expect(await pixel(last, 400, 8)).toBe(accuracyColor(1 - error)));
  });

  test('the cursor stays known where it is scrolled out of sight', async () => {
    page = openValidation(LARGE);
    state.clustered.value = false;
    model.listAll.value = true;
    const grid = await rows();
    await line(`class-${model.order.value[0]}`);
    grid.focus();
    await userEvent.keyboard('{ArrowDown}');
    const id = `validation-class-${model.order.value[1]}`;
    await vi.waitFor(() => expect(grid.getAttribute('aria-activedescendant')).toBe(id));
    grid.scrollTop = 20_000;
    await line(`class-${model.order.value[600]}`);
    expect(document.getElementById(id)).not.toBeNull();
    await userEvent.keyboard('{Control>}{End}{/Control}');
    await vi.waitFor(() =>
      expect(grid.getAttribute('aria-activedescendant')).toBe(
        `validation-class-${model.order.value[999]}`,
      ),
    );
    expect(grid.scrollTop).toBeGreaterThan(30_000);
  });

  test('a part of the training is drawn wider', async () => {
    page = openValidation(LARGE);
    await line('cluster-0');
    state.stepRange.value = [160_000, 176_000];
    await vi.waitFor(() => expect(model.columns.value.map(({ step: at }) => at)).toHaveLength(11));
    const error = model.modelGroup.value?.error[99] as number;
    const { x } = model.scale.value;
    const body = (await line('model')).closest('.validation-body')?.getBoundingClientRect();
    const canvas = (await line('model'))
      .closest('.validation-grid')
      ?.querySelector('canvas') as HTMLCanvasElement;
    await vi.waitFor(() => {
      const data = canvas.getContext('2d')?.getImageData(x(160_000) + 8, 20, 1, 1).data ?? [];
      const hex = [...data].slice(0, 3).map((part) => part.toString(16).padStart(2, '0'));
      expect(`#${hex.join('')}`).toBe(accuracyColor(1 - error));
    });
    expect(body).toBeDefined();
  });
});
