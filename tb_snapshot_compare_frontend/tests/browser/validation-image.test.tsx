import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { page as browserPage, userEvent } from 'vitest/browser';
import * as state from '../../src/state/training';
import * as data from '../../src/state/training-data';
import { historyOf } from '../../src/views/training-validation/history';
import { CURVE_HEIGHT, CURVE_TOP } from '../../src/views/training-validation/history-chart';
import * as model from '../../src/views/training-validation/model';
import { recordingOf } from '../harness-validation/recording';
import {
  found,
  mount,
  openValidation,
  resetValidation,
  SMALL,
  unmount,
  type ValidationPage,
} from './validation-page';

let page: ValidationPage | null = null;
let root: HTMLElement | null = null;

beforeEach(async () => {
  await browserPage.viewport(1320, 900);
});

afterEach(() => {
  page?.close();
  if (root) unmount(root);
  [page, root] = [null, null];
});

/** The image in a row of a class. */
const imageIn = (index: number, row: number) => {
  const { image, order } = (page as ValidationPage).recording.images(index);
  return image[order[row] as number] as number;
};
const dialog = () => found<HTMLDialogElement>('dialog.validation-dialog[open]');
const title = async () => (await dialog()).querySelector('h2')?.textContent;

describe('the dialog of an image', () => {
  async function open(): Promise<number> {
    page = openValidation();
    state.clustered.value = false;
    const picture = await found<HTMLElement>('[data-key="class-1"] .validation-picture');
    await userEvent.click(picture);
    await dialog();
    return state.openImage.value as number;
  }

  test('opens at a picture of its class, and tells what was predicted', async () => {
    const image = await open();
    expect(state.openImageClass.value).toBe(1);
    const { recording } = page as ValidationPage;
    const known = recording.history(image);
    const history = historyOf(known);
    expect(await title()).toBe(known.name);
    const facts = (await found('.validation-facts')).textContent?.replaceAll('\u00a0', ' ');
    expect(facts).toContain('True classdog');
    expect(facts).toContain(`in ${history.correct} of 12 passes`);
    expect(facts).toContain('At step 6,000');
    const changes = [...document.querySelectorAll('.validation-changes li button')];
    expect(changes).toHaveLength(history.changes.length);
    const curve = await found<SVGPathElement>('.validation-curve');
    expect(curve.getAttribute('d')?.match(/[ML]/g)).toHaveLength(12);
    const named = [...document.querySelectorAll('.validation-history-key li')];
    expect(named[0]?.textContent).toContain('(true class)');
    const counted = named.map((item) => Number(item.querySelector('.muted')?.textContent));
    expect(counted.reduce((sum, count) => sum + count, 0)).toBe(history.known);
  });

  test('a change pins its step, and facts follow the newest pin', async () => {
    await open();
    const { recording } = page as ValidationPage;
    for (let row = 0; row < 12; row += 1) {
      if (historyOf(recording.history(imageIn(1, row))).changes.length === 0) continue;
      model.showImage(imageIn(1, row), 1);
      break;
    }
    const { changes } = historyOf(recording.history(state.openImage.value as number));
    const at = recording.training.passes[changes[0]?.pass as number] as number;
    await vi.waitFor(async () =>
      expect((await found('.validation-change-step + span')).isConnected).toBe(true),
    );
    const first = await vi.waitFor(() => {
      const button = document.querySelector<HTMLElement>('.validation-changes li button');
      expect(button?.textContent).toContain(at.toLocaleString('en-US'));
      return button as HTMLElement;
    });
    await userEvent.click(first);
    expect(state.pins.value).toEqual([at]);
    await vi.waitFor(async () =>
      expect((await found('.validation-facts')).textContent).toContain(
        `At step ${at.toLocaleString('en-US')}`,
      ),
    );
    expect(document.querySelectorAll('.validation-pin')).toHaveLength(1);
    await userEvent.click(first);
    expect(state.pins.value).toEqual([]);
  });

  test('tells of the step at which it was chosen, and marks it', async () => {
    page = openValidation();
    const { recording } = page;
    const { passes } = recording.training;
    const row = Array.from({ length: 12 }, (_, each) => each).find(
      (each) => historyOf(recording.history(imageIn(1, each))).changes.length > 0,
    ) as number;
    const history = historyOf(recording.history(imageIn(1, row)));
    const change = history.changes[0]?.pass as number;
    model.showImage(imageIn(1, row), 1, passes[change] as number);
    const told = `At step ${passes[change]?.toLocaleString('en-US')}`;
    await vi.waitFor(async () =>
      expect((await found('.validation-facts')).textContent).toContain(told),
    );
    const current = await found('.validation-changes [aria-current="step"]');
    expect(current.textContent).toContain(passes[change]?.toLocaleString('en-US'));
    await found('.validation-looked');
    expect((await found('.validation-history')).getAttribute('aria-valuenow')).toBe(`${change}`);
    await browserPage.getByRole('button', { name: 'Close' }).click();
    expect(state.openImageStep.value).toBeNull();
  });

  test('the change that is told of is in sight among many', async () => {
    page = openValidation();
    model.showImage(14, 1, 1500);
    await dialog();
    const passes = Array.from({ length: 12 }, (_, pass) => pass);
    const value = {
      ...(page as ValidationPage).recording.history(14),
      predicted: passes.map((pass) => pass % 2),
    };
    data.imageHistory.value = { status: 'ready', value };
    state.openImageStep.value = (page as ValidationPage).recording.training.passes[9] as number;
    await vi.waitFor(() => {
      const list = document.querySelector('.validation-changes')?.getBoundingClientRect();
      const row = document.querySelector('.validation-changes [aria-current]');
      expect(row?.textContent).toContain('5,000');
      const { top, bottom } = (row as Element).getBoundingClientRect();
      expect(top).toBeGreaterThan((list?.top ?? 0) + 20);
      expect(bottom).toBeLessThanOrEqual(list?.bottom ?? 0);
    });
  });

  test('what is no probability stays within the chart, and steps have one format', async () => {
    page = openValidation();
    model.showImage(14, 1);
    await dialog();
    const known = (page as ValidationPage).recording.history(14);
    const value = { ...known, probability: known.predicted.map((_, pass) => pass * 3 - 5) };
    data.imageHistory.value = { status: 'ready', value };
    await vi.waitFor(() => {
      const path = document.querySelector<SVGPathElement>('.validation-curve');
      const heights = path?.getAttribute('d')?.match(/[\d.]+(?=[ML]|$)/g) ?? [];
      expect(heights.map(Number)).toContain(CURVE_TOP);
      expect(path?.getBBox().y).toBeGreaterThanOrEqual(CURVE_TOP);
      expect(path?.getBBox().height).toBeLessThanOrEqual(CURVE_HEIGHT);
    });
    const axis = [...document.querySelectorAll('.validation-tick + text')];
    expect(axis.map(({ textContent }) => textContent)).toContain('2,000');
  });

  test('has the other images of the class, by arrows and by pictures', async () => {
    await open();
    model.showImage(imageIn(1, 0), 1);
    await vi.waitFor(async () =>
      expect((await found('.validation-neighbours')).textContent).toBe('1 of 12'),
    );
    await browserPage.getByRole('button', { name: 'Next image of the class' }).click();
    expect(state.openImage.value).toBe(imageIn(1, 1));
    await expect
      .element(browserPage.getByRole('button', { name: 'Previous image of the class' }))
      .toBeEnabled();
    const current = await found('.validation-gallery [aria-current="true"]');
    current.focus();
    await userEvent.keyboard('{ArrowRight}{Enter}');
    expect(state.openImage.value).toBe(imageIn(1, 2));
    expect(document.querySelectorAll('.validation-gallery button')).toHaveLength(12);
    await vi.waitFor(async () =>
      expect(await title()).toBe((page as ValidationPage).recording.history(imageIn(1, 2)).name),
    );
  });

  test('its chart is read by pointer and by keys, and pins', async () => {
    await open();
    const chart = await found('.validation-history');
    chart.focus();
    await userEvent.keyboard('{Home}{ArrowRight}');
    expect(chart.getAttribute('aria-valuetext')).toMatch(/^step 1,000: predicted /);
    expect(state.hoveredStep.value).toBe(1000);
    await userEvent.keyboard('p');
    expect(state.pins.value).toEqual([1000]);
    const frame = chart.getBoundingClientRect();
    const at = { bubbles: true, clientX: frame.right - 20, clientY: frame.top + 40 };
    chart.dispatchEvent(new PointerEvent('pointermove', at));
    await vi.waitFor(() =>
      expect(document.querySelector('.tooltip .validation-card')?.textContent).toContain(
        'Step 6,000',
      ),
    );
    chart.dispatchEvent(new MouseEvent('click', at));
    expect(state.pins.value).toEqual([1000, 6000]);
  });

  test('Escape closes it and gives the focus back', async () => {
    page = openValidation();
    const grid = await found<HTMLElement>('[aria-label="Classes over time"]');
    grid.focus();
    model.showImage(14, 1);
    await dialog();
    await userEvent.keyboard('{Escape}');
    await vi.waitFor(() => expect(document.querySelector('dialog')).toBeNull());
    expect([state.openImage.value, state.openImageClass.value]).toEqual([null, null]);
    expect(document.activeElement).toBe(grid);
  });

  test('waits for the answer, and says why there is none', async () => {
    page = openValidation();
    await found('[data-key="cluster-0"]');
    model.showImage(14, 1);
    await dialog();
    data.imageHistory.value = { status: 'loading', job: null, stale: null };
    await expect.element(browserPage.getByLabelText('Reading the predictions')).toBeVisible();
    const failure = { code: 'gone', message: 'The segment is gone.' };
    data.imageHistory.value = { status: 'failed', failure, stale: null };
    await expect.element(browserPage.getByText('The segment is gone.')).toBeVisible();
  });

  test('without pictures there are names', async () => {
    page = openValidation();
    state.pictureOf.value = () => 'data:image/png;base64,AAAA';
    state.clustered.value = false;
    model.showImage(14, 1);
    await expect.element(browserPage.getByText('No picture of it was recorded.')).toBeVisible();
    await vi.waitFor(() =>
      expect(document.querySelectorAll('.validation-tile-name')).toHaveLength(12),
    );
  });
});

describe('instead of rows', () => {
  const { training } = recordingOf(SMALL);

  const show = (changes: Partial<typeof training>) => {
    resetValidation();
    state.training.value = { status: 'ready', value: { ...training, ...changes } };
    root = mount();
  };

  test('without passes it is said how to record some', async () => {
    show({ passes: [], probe_images: 0 });
    await expect.element(browserPage.getByText('No validation passes were recorded')).toBeVisible();
    expect(document.querySelector('.validation-grid')).toBeNull();
  });

  test('without passes it is said why the probe was given up', async () => {
    const text = 'The probe is not recorded: probe_data is empty';
    show({ passes: [], probe_images: 0, events: [{ step: 0, time: 1, kind: 'probe', text }] });
    await expect.element(browserPage.getByText(text)).toBeVisible();
    await expect.element(browserPage.getByText('SnapshotCallback')).not.toBeInTheDocument();
  });

  test('without labels it is said that there is no right or wrong', async () => {
    show({ labelled: false });
    await expect.element(browserPage.getByText('The probe images have no labels')).toBeVisible();
  });

  test('waiting has the shape of rows; a failure has its reason', async () => {
    show({});
    data.trainingClasses.value = { status: 'loading', job: null, stale: null };
    await expect.element(browserPage.getByLabelText('Reading the validation passes')).toBeVisible();
    const failure = { code: 'unreadable', message: 'The log cannot be read.' };
    data.trainingClasses.value = { status: 'failed', failure, stale: null };
    await expect.element(browserPage.getByText('The log cannot be read.')).toBeVisible();
  });

  test('what was there stays while the next answer comes', async () => {
    page = openValidation();
    await found('[data-key="cluster-0"]');
    const stale = page.recording.classes(2);
    const job = { id: 'j', label: 'Counting', state: 'running' as const, done: 1, total: 4 };
    data.trainingClasses.value = { status: 'loading', job, stale };
    await expect.element(browserPage.getByText('25 % · Counting')).toBeInTheDocument();
    expect(document.querySelector('[data-key="cluster-0"]')).not.toBeNull();
  });

  test('an opened class waits for its images, or says why there are none', async () => {
    page = openValidation();
    state.clustered.value = false;
    state.openClasses.value = [1];
    await found('[data-key="class-1"] .validation-image-name');
    data.classImages.value = new Map();
    await expect.element(browserPage.getByLabelText('Reading the images of dog')).toBeVisible();
    const failure = { code: 'unreadable', message: 'Its rows cannot be read.' };
    data.classImages.value = new Map([[1, { status: 'failed', failure, stale: null }]]);
    await expect.element(browserPage.getByText('Its rows cannot be read.')).toBeVisible();
    const none = { image: new Int32Array(), predicted: new Int32Array(), names: [], leftOut: 0 };
    const value = { ...none, probability: new Float32Array(), order: new Int32Array() };
    data.classImages.value = new Map([[1, { status: 'ready', value }]]);
    await expect.element(browserPage.getByText('No probe image has this label.')).toBeVisible();
  });

  test('a log that has grown shows the passes that are counted', async () => {
    page = openValidation();
    await found('[data-key="cluster-0"]');
    const { recording } = page;
    const longer = [...recording.training.passes, 6500, 7000];
    state.training.value = {
      status: 'ready',
      value: { ...recording.training, passes: longer, dumps: longer },
    };
    await vi.waitFor(() => expect(model.scale.value.range).toEqual([500, 7000]));
    expect(model.passes.value).toHaveLength(12);
    expect(model.columns.value).toHaveLength(12);
    expect((await found('.panel-subtitle')).textContent).toContain('at step 6,000');
  });
});

test('the errors of all classes are exported', async () => {
  page = openValidation();
  await found('[data-key="cluster-0"]');
  const { classRows } = await import('../../src/views/training-validation/classes-csv');
  const [header, all, ...rows] = classRows();
  expect(header?.slice(0, 4)).toEqual(['class', 'cluster', 'largest_anomaly', 'error_at_500']);
  expect(all?.slice(0, 3)).toEqual(['', null, null]);
  expect(rows).toHaveLength(4);
  const [first] = model.order.value;
  expect(rows[0]?.[0]).toBe(SMALL.names?.[first ?? 0]);
  expect(rows[0]?.slice(3)).toEqual([...model.classError(first ?? 0)]);
});

describe('pictures of classes', () => {
  test('stand for the classes of a cluster, and open their images', async () => {
    page = openValidation();
    const row = await found('[data-key="cluster-0"]');
    const line = model.layout.value.lines.find(({ key }) => key === 'cluster-0');
    const classes = line?.kind === 'cluster' ? line.classes : [];
    const pictures = [...row.querySelectorAll<HTMLElement>('.validation-thumbnails button')];
    expect(pictures.map(({ title }) => title)).toEqual(
      classes.map((index) => `Images of ${model.className(index)}`),
    );
    expect(row.querySelector('img')?.width).toBe(18);
    await userEvent.click(pictures[0] as HTMLElement);
    await dialog();
    expect(state.openImageClass.value).toBe(classes[0]);
  });

  test('of many classes the last place says how many more there are', async () => {
    page = openValidation({ ...SMALL, classes: 60, names: undefined });
    await found('[data-key="cluster-0"]');
    const told = [...document.querySelectorAll('.validation-line[data-kind="cluster"]')].map(
      (row) => {
        const text = row.querySelector('.validation-thumbnails > span')?.textContent ?? '+0';
        return row.querySelectorAll('.validation-thumbnails button').length + Number(text);
      },
    );
    expect(told.reduce((sum, each) => sum + each, 0)).toBe(60);
  });

  test('lie beside a pixel chart whose rows are too low for names', async () => {
    page = openValidation();
    state.openClasses.value = [1];
    model.listAll.value = true;
    state.clustered.value = false;
    await found('.validation-image-name');
    expect(document.querySelector('.validation-pictures')).toBeNull();
    model.setZoom(1, 2);
    const pictures = await vi.waitFor(() => {
      const all = document.querySelectorAll<HTMLElement>('.validation-pictures button');
      expect(all.length).toBeGreaterThan(3);
      return all;
    });
    await userEvent.click(pictures[2] as HTMLElement);
    await dialog();
    expect(state.openImage.value).toBe(imageIn(1, 2));
  });
});

describe('the rows as a drawing', () => {
  const drawn = async () => {
    const { validationSvg } = await import('../../src/views/training-validation/files');
    const made = new DOMParser().parseFromString(validationSvg(), 'image/svg+xml');
    expect(made.querySelector('parsererror')).toBeNull();
    return made;
  };
  const words = (made: Document) =>
    [...made.querySelectorAll('text')].map(({ textContent }) => textContent);

  test('has the names of all rows, in sight or not, with their strips and marks', async () => {
    page = openValidation({ ...SMALL, classes: 60, names: undefined });
    state.clustered.value = false;
    model.listAll.value = true;
    state.threshold.value = 2;
    await vi.waitFor(() => expect(model.layout.value.lines).toHaveLength(60));
    const made = await drawn();
    expect(made.querySelectorAll('image')).toHaveLength(61);
    expect(words(made)).toContain('All classes');
    for (const index of model.order.value) expect(words(made)).toContain(model.className(index));
    const marked = model.layout.value.lines.filter((line) => model.shownMarks(line).length > 0);
    expect(marked.length).toBeGreaterThan(0);
    expect(made.querySelectorAll('path').length).toBeGreaterThanOrEqual(2 * marked.length);
  });

  test('has the images of opened classes, a line of pixels for each', async () => {
    page = openValidation();
    state.clustered.value = false;
    model.listAll.value = true;
    state.openClasses.value = [1];
    await found('.validation-image-name');
    const made = await drawn();
    expect(words(made)).toContain('image correct');
    const { names } = (page as ValidationPage).recording.images(1);
    for (const name of names) expect(words(made)).toContain(name);
    const line = model.layout.value.lines.find(({ kind }) => kind === 'images');
    const chart = [...made.querySelectorAll('image')].find(
      (each) => each.getAttribute('height') === String(line?.chartHeight),
    );
    const picture = new Image();
    picture.src = chart?.getAttribute('href') ?? '';
    await picture.decode();
    expect(picture.naturalHeight).toBe(12);
  });

  test('is the strip of the model alone while the classes are folded away', async () => {
    page = openValidation();
    state.validationOpen.value = false;
    await found('.validation-grid');
    expect((await drawn()).querySelectorAll('image')).toHaveLength(1);
  });
});

test('of a recording without pictures none is asked for', async () => {
  page = openValidation();
  const asked: number[] = [];
  state.pictureOf.value = (_run, _version, image) => {
    asked.push(image);
    return '';
  };
  const { recording } = page;
  state.training.value = { status: 'ready', value: { ...recording.training, pictures: null } };
  asked.length = 0;
  state.clustered.value = false;
  model.listAll.value = true;
  state.openClasses.value = [1];
  await found('.validation-image-name');
  expect(document.querySelectorAll('.validation img')).toHaveLength(0);
  expect(asked).toEqual([]);
});
