import { describe, expect, test } from 'vitest';
import type { TrainingImages } from '../../src/client/types';
import type { Column } from '../../src/scales/steps';
import {
  HALF_MAX,
  HALF_MIN,
  halfWidth,
  knownPasses,
  meanErrors,
  nextMark,
  peaksOf,
  type Side,
  sumCounts,
  type Triangle,
  trianglesOf,
  usualFence,
} from '../../src/views/training-validation/anomalies';
import { turnedAt } from '../../src/views/training-validation/outcomes';
import { marksPath, markUnder, placeMarks } from '../../src/views/training-validation/triangles';
import { seeded } from '../harness-network/networks';
import { recordingOf } from '../harness-validation/recording';

const LABEL = 1;

function imagesOf(rows: readonly (readonly number[])[]): TrainingImages {
  const order = Int32Array.from(rows.keys());
  const predicted = Int32Array.from(rows.flat());
  return {
    image: order,
    names: rows.map((_, index) => `image ${index}`),
    predicted,
    probability: new Float32Array(predicted.length),
    order,
    leftOut: 0,
  };
}

/** As features.md defines it, for one image: `right` is drawn a pass later than its index there. */
function countsAt(row: readonly number[], pass: number, side: Side, runLength: number): boolean {
  const correct = row.map((predicted) => predicted === LABEL);
  const at = side === 'left' ? pass : pass - 1;
  if (at < 0) return false;
  for (let away = 1; away <= runLength + 1; away += 1) {
    const other = side === 'left' ? at - away : at + away;
    if (other < 0 || other >= row.length || correct[other] === correct[at]) return false;
  }
  return true;
}

test('a single odd pass among forty on each side is one left and one right anomaly', () => {
  const row = [...Array(40).fill(0), 1, ...Array(40).fill(0)];
  const images = imagesOf([row]);
  const passesWith = (side: Side, runLength: number) =>
    row.flatMap((_, pass) => {
      const { correct, wrong } = turnedAt(images, LABEL, pass, side, runLength);
      return correct + wrong > 0 ? [pass] : [];
    });
  expect(passesWith('left', 30)).toEqual([40]);
  expect(passesWith('right', 30)).toEqual([41]);
  expect([passesWith('left', 40), passesWith('right', 40)]).toEqual([[], []]);
  expect([passesWith('left', 0), passesWith('right', 0)]).toEqual([
    [40, 41],
    [40, 41],
  ]);
});

test('a lasting change is marked on both edges of the same pass', () => {
  const images = imagesOf([[...Array(50).fill(0), ...Array(50).fill(1)]]);
  expect(turnedAt(images, LABEL, 50, 'left', 30)).toEqual({ correct: 1, wrong: 0 });
  expect(turnedAt(images, LABEL, 50, 'right', 30)).toEqual({ correct: 1, wrong: 0 });
});

test('images that turned are those that brute force counts, by what they became', () => {
  const random = seeded(5);
  for (let round = 0; round < 60; round += 1) {
    const sticky = random();
    const rows = Array.from({ length: 4 }, () => {
      let state = 0;
      return Array.from({ length: 24 }, () => {
        if (random() > sticky) state = random() < 0.5 ? LABEL : 7;
        return state;
      });
    });
    const images = imagesOf(rows);
    const runLength = Math.floor(random() * 6);
    for (const side of ['left', 'right'] as const) {
      for (let pass = 0; pass < 24; pass += 1) {
        const turned = rows.filter((row) => countsAt(row, pass, side, runLength));
        const correct = turned.filter((row) => row[pass] === LABEL).length;
        expect(turnedAt(images, LABEL, pass, side, runLength)).toEqual({
          correct,
          wrong: turned.length - correct,
        });
      }
    }
  }
});

test('an unknown prediction within the run counts for nothing', () => {
  const images = imagesOf([[0, 0, -1, 1, 1, 1]]);
  expect(turnedAt(images, LABEL, 3, 'left', 1)).toEqual({ correct: 0, wrong: 0 });
  expect(turnedAt(images, LABEL, 3, 'right', 1)).toEqual({ correct: 0, wrong: 0 });
});

test('the counts of a recording are the images that turned', () => {
  const recording = recordingOf({ classes: 3, images: 9, passes: 80, interval: 10 });
  for (const runLength of [0, 4, 12]) {
    const { left, right } = recording.classes(runLength);
    for (let index = 0; index < 3; index += 1) {
      for (let pass = 0; pass < 80; pass += 1) {
        for (const [side, counts] of [
          ['left', left],
          ['right', right],
        ] as const) {
          const turned = turnedAt(recording.images(index), index, pass, side, runLength);
          expect(turned.correct + turned.wrong).toBe(counts[index * 80 + pass]);
        }
      }
    }
  }
});

describe('counts', () => {
  const random = seeded(9);
  const [classes, passes] = [7, 31];
  const draw = () => Int32Array.from({ length: classes * passes }, () => Math.floor(random() * 40));
  const [left, right] = [draw(), draw()];

  test('the peak of a class is the largest count of both sides', () => {
    const peaks = peaksOf(left, right, classes, passes);
    for (let index = 0; index < classes; index += 1) {
      const own = [left, right].flatMap((all) => [
        ...all.subarray(index * passes, (index + 1) * passes),
      ]);
      expect(peaks[index]).toBe(Math.max(...own));
    }
  });

  test('marks are the counts that reach the threshold, as wide as they are large', () => {
    const counts = { left: left.subarray(0, passes), right: right.subarray(0, passes) };
    const largest = Math.max(...counts.left, ...counts.right);
    for (const threshold of [1, 5, 30, 100]) {
      const marks = trianglesOf(counts, { threshold, largest }, 30);
      const expected = (['left', 'right'] as const).flatMap((side) =>
        [...counts[side]].flatMap((count, pass) =>
          count >= threshold ? [{ side, pass, count }] : [],
        ),
      );
      expect(marks.map(({ side, pass, count }) => ({ side, pass, count }))).toEqual(expected);
      for (const { count, half } of marks) {
        expect(half).toBe(halfWidth(count, { threshold, largest }));
        expect(half).toBeGreaterThanOrEqual(HALF_MIN);
        expect(half).toBeLessThanOrEqual(HALF_MAX);
      }
    }
    expect(halfWidth(5, { threshold: 5, largest: 30 })).toBe(HALF_MIN);
    expect(halfWidth(30, { threshold: 5, largest: 30 })).toBe(HALF_MAX);
    expect(halfWidth(5, { threshold: 5, largest: 5 })).toBe(HALF_MIN);
  });

  test('without a lasting state both sides are the same, and marked once', () => {
    const marks = trianglesOf({ left, right: left }, { threshold: 1, largest: 40 }, 0);
    expect(new Set(marks.map(({ side }) => side))).toEqual(new Set(['left']));
  });

  test('sums and means are of the members alone, without what is not known', () => {
    const members = [1, 4, 6];
    const error = Float32Array.from({ length: classes * passes }, () =>
      random() < 0.2 ? Number.NaN : random(),
    );
    const [sums, means] = [sumCounts(left, members, passes), meanErrors(error, members, passes)];
    for (let pass = 0; pass < passes; pass += 1) {
      const at = members.map((member) => member * passes + pass);
      expect(sums[pass]).toBe(at.reduce((sum, place) => sum + (left[place] as number), 0));
      const known = at
        .map((place) => error[place] as number)
        .filter((value) => !Number.isNaN(value));
      const mean = known.reduce((sum, value) => sum + value, 0) / known.length;
      if (known.length === 0) expect(means[pass]).toBeNaN();
      else expect(means[pass]).toBeCloseTo(mean, 6);
    }
  });

  test('the next mark is the nearest one on that side', () => {
    for (let round = 0; round < 100; round += 1) {
      const marks = Array.from({ length: Math.floor(random() * 6) }, () => ({
        ...{ side: 'left' as const, count: 5, half: 6 },
        pass: Math.floor(random() * 20),
      }));
      const pass = Math.floor(random() * 20);
      const after = marks.map((mark) => mark.pass).filter((at) => at > pass);
      const before = marks.map((mark) => mark.pass).filter((at) => at < pass);
      expect(nextMark(marks, pass, 1)).toBe(after.length ? Math.min(...after) : null);
      expect(nextMark(marks, pass, -1)).toBe(before.length ? Math.max(...before) : null);
    }
  });
});

test('passes at which a side is known are those with room for a run', () => {
  for (const passes of [0, 1, 2, 10, 40]) {
    for (const runLength of [0, 1, 5, 30]) {
      for (const side of ['left', 'right'] as const) {
        const fits = Array.from({ length: passes }, (_, pass) => pass).filter((pass) =>
          side === 'left' ? pass - 1 - runLength >= 0 : pass >= 1 && pass + runLength < passes,
        );
        const [first, end] = knownPasses(side, runLength, passes);
        const known = Array.from({ length: Math.max(0, end - first) }, (_, at) => first + at);
        expect(known).toEqual(fits);
      }
    }
  }
});

describe('the fence of a group', () => {
  const counts = (values: readonly number[]) => ({
    left: Int32Array.from(values),
    right: Int32Array.from(values),
  });

  test('lies far above the usual counts, which it does not mark', () => {
    const random = seeded(3);
    const usual = Array.from({ length: 300 }, () => 80 + Math.floor(20 * random()));
    const planted = usual.map((count, pass) => (pass === 150 ? 600 : count));
    const threshold = usualFence(counts(planted), 4);
    expect(threshold).toBeGreaterThan(100);
    expect(threshold).toBeLessThan(200);
    expect(planted.filter((count) => count >= threshold)).toEqual([600]);
  });

  test('is nothing where nothing usually changes, or no run fits', () => {
    expect(usualFence(counts(Array(50).fill(0)), 4)).toBe(0);
    expect(usualFence(counts([]), 30)).toBe(0);
    expect(usualFence(counts([3, 9, 2]), 30)).toBe(0);
  });
});

describe('marks on screen', () => {
  const columnsOf = (count: number, width: number): Column[] =>
    Array.from({ length: count }, (_, index) => ({
      index,
      step: index,
      left: (index * width) / count,
      right: ((index + 1) * width) / count,
    }));

  test('stand apart, and what is left out lies beside a mark that is as large', () => {
    const random = seeded(21);
    for (let round = 0; round < 40; round += 1) {
      const [passes, width] = [10 + Math.floor(random() * 700), 600];
      const columns = columnsOf(passes, width);
      const all: Triangle[] = columns
        .filter(() => random() < 0.3)
        .map(({ index }) => {
          const count = 5 + Math.floor(random() * 30);
          const side = random() < 0.5 ? ('left' as const) : ('right' as const);
          return {
            pass: index,
            side,
            count,
            half: halfWidth(count, { threshold: 5, largest: 34 }),
          };
        });
      const drawn = placeMarks(all, columns, width);
      for (const side of ['left', 'right'] as const) {
        const tips = drawn.filter((mark) => mark.side === side);
        tips.slice(1).forEach(({ x }, index) => {
          expect(x - (tips[index]?.x ?? 0)).toBeGreaterThanOrEqual(HALF_MIN);
        });
        const hidden = all.filter(
          (mark) => mark.side === side && !tips.some(({ pass }) => pass === mark.pass),
        );
        for (const { pass, count } of hidden) {
          const x = ((pass + 0.5) * width) / passes;
          const beside = tips.filter((mark) => Math.abs(mark.x - x) < HALF_MIN);
          expect(Math.max(...beside.map((mark) => mark.count))).toBeGreaterThanOrEqual(count);
        }
        const path = marksPath(drawn, side);
        expect(path.match(/M/g)?.length ?? 0).toBe(tips.length);
        for (let x = 0; x < width; x += 7.3) {
          const near = tips.filter((mark) => Math.abs(mark.x - x) <= mark.half);
          const least = Math.min(...near.map((mark) => Math.abs(mark.x - x)));
          const found = markUnder(drawn, side, x);
          if (near.length === 0) expect(found).toBeNull();
          else expect(Math.abs((found?.x ?? 0) - x)).toBe(least);
        }
      }
    }
  });

  test('are those of passes in sight', () => {
    const columns = columnsOf(20, 400).slice(5, 10);
    const marks = Array.from({ length: 20 }, (_, pass) => ({
      ...{ side: 'left' as const, count: 5, half: 6 },
      pass,
    }));
    expect(placeMarks(marks, columns, 400).map(({ pass }) => pass)).toEqual([5, 6, 7, 8, 9]);
  });
});
