import { describe, expect, test } from 'vitest';
import type { ImageHistory, TrainingImages } from '../../src/client/types';
import { accuracyColors } from '../../src/scales/accuracy';
import { luminance } from '../../src/scales/oklab';
import { columnsOf, stepScale } from '../../src/scales/steps';
import { curvePath, historyOf } from '../../src/views/training-validation/history';
import {
  historyGeometry,
  middleOfPass,
  passAtX,
} from '../../src/views/training-validation/history-chart';
import { cellValues, predictionAt } from '../../src/views/training-validation/outcomes';
import { cellColors, errorTable } from '../../src/views/training-validation/palette';
import {
  GAP_FROM,
  packColor,
  packTable,
  pixelSpans,
  rasterLine,
} from '../../src/views/training-validation/raster';
import {
  anomalyWords,
  hindsightWords,
  passInterval,
  rowSummary,
  runWords,
  turnedWords,
} from '../../src/views/training-validation/words';
import { seeded } from '../harness-network/networks';

describe('pixels', () => {
  const stepsOf = (random: () => number, count: number) => {
    let at = 0;
    return Array.from({ length: count }, () => {
      at += 1 + Math.floor(random() * 9);
      return at;
    });
  };

  test('every pass in sight is behind a pixel, in order, and its neighbours with it', () => {
    const random = seeded(1);
    for (let round = 0; round < 50; round += 1) {
      const steps = stepsOf(random, 1 + Math.floor(random() * 500));
      const width = 20 + Math.floor(random() * 600);
      const ratio = [1, 1.25, 1.5, 2][Math.floor(random() * 4)] as number;
      const scale = stepScale(steps, [steps[0] as number, steps.at(-1) as number], width);
      const columns = columnsOf(steps, scale);
      const { from, to } = pixelSpans(columns, width, ratio);
      expect(from.length).toBe(Math.round(width * ratio));
      const seen = new Set<number>();
      const wrong: number[] = [];
      let last = -1;
      from.forEach((first, pixel) => {
        const end = to[pixel] as number;
        if (first === end) return;
        for (let pass = first; pass < end; pass += 1) seen.add(pass);
        const x = (pixel + 0.5) / ratio;
        const near =
          (columns[first]?.left ?? x) <= x + 1 && (columns[end - 1]?.right ?? x) >= x - 1;
        if (first < last || !near) wrong.push(pixel);
        last = end - 1;
      });
      expect(wrong).toEqual([]);
      expect(seen.size).toBe(steps.length);
    }
  });

  test('wide columns are set apart by a pixel, narrow ones are not', () => {
    const steps = [0, 1, 2, 3];
    const wide = pixelSpans(columnsOf(steps, stepScale(steps, [0, 3], 40)), 40, 1);
    const empty = [...wide.from].flatMap((first, pixel) =>
      first === wide.to[pixel] ? [pixel] : [],
    );
    expect(empty).toEqual([9, 19, 29, 39]);
    const width = 4 * (GAP_FROM - 1);
    const narrow = pixelSpans(columnsOf(steps, stepScale(steps, [0, 3], width)), width, 1);
    expect([...narrow.from].every((first, pixel) => first !== narrow.to[pixel])).toBe(true);
  });

  test('a pixel has the colour of the mean of what is known behind it', () => {
    const table = packTable(
      Array.from({ length: 101 }, (_, at) => `#0000${at.toString(16).padStart(2, '0')}`),
      '#ff0000',
    );
    const random = seeded(2);
    const values = Float32Array.from({ length: 60 }, () =>
      random() < 0.4 ? Number.NaN : random(),
    );
    const spans = {
      from: Int32Array.from({ length: 20 }, (_, pixel) => 3 * pixel),
      to: Int32Array.from({ length: 20 }, (_, pixel) => 3 * pixel + (pixel % 4)),
    };
    const line = new Uint32Array(20).fill(7);
    rasterLine(line, spans, values, 0, table);
    line.forEach((color, pixel) => {
      const [first, end] = [spans.from[pixel] as number, spans.to[pixel] as number];
      const known = [...values.subarray(first, end)].filter((value) => !Number.isNaN(value));
      const mean = known.reduce((sum, value) => sum + value, 0) / known.length;
      if (first === end) expect(color).toBe(0);
      else if (known.length === 0) expect(color).toBe(packColor('#ff0000'));
      else expect(color).toBe(table.colors[Math.round(100 * mean)]);
    });
    expect(packColor('#102030')).toBe(0xff302010);
  });
});

describe('colours', () => {
  test.each(['light', 'dark'] as const)(
    '%s: two halves, each stronger towards its end',
    (theme) => {
      const colors = accuracyColors(theme);
      const lights = colors.map(luminance);
      const half = colors.length / 2;
      const sign = theme === 'light' ? 1 : -1;
      for (let at = 1; at < colors.length; at += 1) {
        if (at === half) continue;
        const towardsMiddle = at < half ? 1 : -1;
        const change = (lights[at] as number) - (lights[at - 1] as number);
        // Channels have 256 values: neighbours may be a rounding apart.
        expect(sign * towardsMiddle * change).toBeGreaterThan(-1e-3);
      }
      const { wrong, correct } = cellColors(theme);
      const parts = (hex: string) =>
        [hex.slice(1, 3), hex.slice(5)].map((part) => Number.parseInt(part, 16));
      const [warm, cold] = [parts(wrong), parts(correct)];
      expect(warm[0]).toBeGreaterThan(warm[1] as number);
      expect(cold[1]).toBeGreaterThan(cold[0] as number);
    },
  );

  test('just below and just above half are told apart, and errors are accuracies reversed', () => {
    const colors = accuracyColors('light');
    expect(colors).toHaveLength(256);
    const [below, above] = [colors[127], colors[128]] as [string, string];
    const blueness = (hex: string) =>
      Number.parseInt(hex.slice(5), 16) - Number.parseInt(hex.slice(1, 3), 16);
    expect(blueness(above) - blueness(below)).toBeGreaterThan(30);
    const errors = errorTable('light');
    expect(errors.colors[0]).toBe(packColor(colors.at(-1) as string));
    expect(errors.colors.at(-1)).toBe(packColor(colors[0] as string));
  });
});

test('cells tell what was predicted, in the order of the server', () => {
  const images: TrainingImages = {
    image: Int32Array.from([40, 41]),
    names: ['a', 'b'],
    predicted: Int32Array.from([2, 3, -1, 2, 2, 9]),
    probability: Float32Array.from([0.8, 0.1, Number.NaN, 1, Number.NaN, 0.5]),
    order: Int32Array.from([1, 0]),
    leftOut: 0,
  };
  const unknown = Number.NaN;
  expect([...cellValues(images, 2, 'outcome')]).toEqual([1, 1, 0, 1, 0, unknown]);
  const wider = [...cellValues(images, 2, 'outcome', 4)];
  expect(wider).toEqual([1, 1, 0, unknown, 1, 0, unknown, unknown]);
  expect(predictionAt(images, 1, 2)).toEqual({ predicted: 9, probability: 0.5 });
  expect(predictionAt(images, 0, 3)).toEqual({ predicted: -1, probability: unknown });
  const shaded = [...cellValues(images, 2, 'probability')];
  const expected = [1, unknown, 0.5, 0.9, 0.1, unknown];
  shaded.forEach((value, at) => {
    if (Number.isNaN(expected[at])) expect(value).toBeNaN();
    else expect(value).toBeCloseTo(expected[at] as number, 6);
  });
});

function imageOf(predicted: (number | null)[], label: number | null = 1): ImageHistory {
  const probability = predicted.map((each) => (each === null ? null : 0.5));
  return { image: 3, name: 'x', label, has_thumbnail: true, predicted, probability };
}

describe('the history of an image', () => {
  test('is its stretches, the changes between them, and the classes by frequency', () => {
    const history = historyOf(imageOf([5, 5, 1, 1, 1, null, 5, 8]));
    expect(history.stretches.map(({ first, last }) => [first, last])).toEqual([
      ...[
        [0, 1],
        [2, 4],
        [5, 5],
        [6, 6],
        [7, 7],
      ],
    ]);
    expect(history.changes[0]).toEqual({ pass: 2, from: 5, to: 1, lasted: 2 });
    expect(history.changes.map(({ pass }) => pass)).toEqual([2, 5, 6, 7]);
    expect(history.classes).toEqual([
      { index: 1, passes: 3 },
      { index: 5, passes: 3 },
      { index: 8, passes: 1 },
    ]);
    expect([history.known, history.correct]).toEqual([7, 3]);
    expect(historyOf(imageOf([5, 5], null)).correct).toBeNull();
    expect(historyOf(imageOf([])).stretches).toEqual([]);
  });

  test('covers every pass once', () => {
    const random = seeded(4);
    for (let round = 0; round < 50; round += 1) {
      const predicted = Array.from({ length: 40 }, () =>
        random() < 0.1 ? null : Math.floor(random() * 3),
      );
      const { stretches, changes, classes } = historyOf(imageOf(predicted));
      const rebuilt = stretches.flatMap(({ predicted: each, first, last }) =>
        Array.from({ length: last - first + 1 }, () => each),
      );
      expect(rebuilt).toEqual(predicted);
      expect(changes.length).toBe(stretches.length - 1);
      const counted = classes.reduce((sum, { passes }) => sum + passes, 0);
      expect(counted).toBe(predicted.filter((each) => each !== null).length);
    }
  });

  test('its curve breaks where nothing is known', () => {
    const x = (pass: number) => 10 * pass;
    const y = (value: number) => 100 * (1 - value);
    expect(curvePath([0, 0.5, null, 1, null, 0.25, 0.75], x, y)).toBe(
      'M0 100L10 50M30 0h0.01M50 75L60 25',
    );
    expect(curvePath([null, Number.NaN], x, y)).toBe('');
  });

  test('its chart finds the pass at every place', () => {
    const passes = [500, 1000, 1500, 4000];
    const geometry = historyGeometry(passes, 924);
    expect(geometry.width).toBe(800);
    passes.forEach((_, pass) => {
      expect(passAtX(passes, geometry, middleOfPass(geometry, pass))).toBe(pass);
    });
    expect(passAtX(passes, geometry, -50)).toBe(0);
    expect(passAtX(passes, geometry, 5000)).toBe(3);
    expect(geometry.ticks.every((tick) => tick >= 500 && tick <= 4000)).toBe(true);
  });
});

describe('words', () => {
  test('say what happened at an anomaly', () => {
    const of = 'tench';
    expect(anomalyWords({ side: 'left', count: 23, of, runLength: 30 })).toBe(
      '23 images of tench changed after a stable run of at least 31 passes.',
    );
    expect(anomalyWords({ side: 'right', count: 1, of, runLength: 30 })).toBe(
      '1 image of tench changed and then stayed so for at least 31 passes.',
    );
    expect(anomalyWords({ side: 'left', count: 1200, of: null, runLength: 0 })).toBe(
      '1,200 images changed from the pass before.',
    );
    expect(hindsightWords(30)).toContain('31 passes afterwards');
    expect(turnedWords({ correct: 6, wrong: 17 })).toBe('17 became wrong, 6 correct.');
  });

  test('give a run in passes and in steps', () => {
    expect(runWords(30, [1600, 3200, 4800])).toBe('31 passes (about 49,600 steps)');
    expect(runWords(0, [10])).toBe('1 pass');
    expect(passInterval([0, 10, 20, 500])).toBe(10);
  });

  test('sum up a row', () => {
    const error = Float32Array.from([Number.NaN, 1, 0.25, 0.5]);
    expect(rowSummary('tench', error, [1, 2, 3, 4], 2)).toBe(
      'tench: error from 100\u00a0% at step 2 to 50\u00a0% at step 4, least 25\u00a0% at step 3; 2 anomalies',
    );
    expect(rowSummary('tench', error.subarray(0, 1), [1], 0)).toBe(
      'tench: error unknown; no anomalies',
    );
    expect(rowSummary('tench', error.subarray(0, 1), [1], null)).toBe('tench: error unknown');
  });
});
