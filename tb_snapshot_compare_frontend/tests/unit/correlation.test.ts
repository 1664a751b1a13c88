import { describe, expect, test } from 'vitest';
import type { Correlation } from '../../src/client/types';
import { training } from '../../src/state/training';
import {
  classesWithOne,
  higherThresholds,
  outcomesByThreshold,
  suggestedThresholds,
} from '../../src/views/training-correlation/anomalies';
import { correlationRows } from '../../src/views/training-correlation/correlation-csv';
import {
  apply,
  type CubeSize,
  corners,
  FACE_GAP,
  faceAt,
  invert,
  projectionOf,
} from '../../src/views/training-correlation/cube-projection';
import {
  cursorOfPlace,
  movedCursor,
  placeOfCursor,
  stopsOf,
} from '../../src/views/training-correlation/cursor';
import { HEADS_PADDING, headsOf } from '../../src/views/training-correlation/heads';
import {
  filterShares,
  heatLine,
  heatTable,
  spansOf,
} from '../../src/views/training-correlation/heat';
import {
  columnAt,
  detailedLayout,
  iterationLeft,
  rowAt,
  simpleLayout,
} from '../../src/views/training-correlation/layout';
import { choose, chosen } from '../../src/views/training-correlation/model';
import {
  heaviest,
  lineOpacity,
  middleOf,
  paintLayout,
} from '../../src/views/training-correlation/paint';
import { type Pen, svgPen } from '../../src/views/training-correlation/pen';
import {
  boxOf,
  classesOfSet,
  columnsOfClass,
  filtersOf,
  placeAt,
  rodsOf,
  stepsOf,
} from '../../src/views/training-correlation/places';
import { filterWords } from '../../src/views/training-correlation/words';
import { emptyTraining } from '../harness/training/fake-training';
import { generator } from '../harness/training/plan';

const column = (class_index: number, step: number): Correlation['columns'][number] => ({
  class_index,
  step,
  side: 'left',
  count: 6,
});

/** Classes 7 and 2 in this order; layer b has no mini-set. */
const KNOWN: Correlation = {
  classes: [7, 2],
  columns: [column(7, 100), column(7, 300), column(2, 100), column(2, 200), column(2, 300)],
  rows: [
    {
      layer: 'a',
      sets: [
        { filters: [1, 4, 9], columns: [0, 2] },
        { filters: [5], columns: [1, 2, 3, 4] },
      ],
      distinct: [4, 5],
    },
    { layer: 'b', sets: [], distinct: [0, 1] },
    { layer: 'c', sets: [{ filters: [0, 2], columns: [2, 4] }], distinct: [0, 2] },
  ],
  left_out: ['conv1'],
};

function random(seed: number): Correlation {
  const next = generator(seed);
  const whole = (most: number) => Math.floor(next() * most);
  const classes = Array.from({ length: 1 + whole(30) }, (_, index) => index * 3);
  const columns = classes.flatMap((index) =>
    Array.from({ length: 2 + whole(5) }, (_, at) => column(index, 100 * (at + 1))),
  );
  const rows = Array.from({ length: 1 + whole(20) }, (_, row) => ({
    layer: `layer${row}`,
    sets: Array.from({ length: whole(4) }, () => ({
      filters: Array.from({ length: 1 + whole(8) }, (_, filter) => filter),
      columns: columns.flatMap((_, at) => (next() < 0.3 ? [at] : [])),
    })).filter((set) => set.columns.length > 0),
    distinct: classes.map(() => whole(9)),
  }));
  return { classes, columns, rows, left_out: [] };
}

describe('layouts', () => {
  test('the simple form has a cell for every layer and class', () => {
    const layout = simpleLayout(KNOWN, 60);
    expect(layout.rows.map(({ layer }) => layer)).toEqual(['a', 'b', 'c']);
    expect(layout.columns.map(({ left, width }) => [left, width])).toEqual([
      [0, 30],
      [30, 30],
    ]);
    expect(placeAt(KNOWN, layout, 31, 27)).toEqual({
      kind: 'cell',
      row: 1,
      classPlace: 1,
      column: null,
      set: null,
    });
  });

  test('columns are as wide as they have iterations, rows as high as they have sets', () => {
    const layout = detailedLayout(KNOWN, 60);
    const [first, second] = layout.columns;
    expect(layout.rows.map(({ layer }) => layer)).toEqual(['a', 'c']);
    expect((second?.width ?? 0) - (first?.width ?? 0)).toBe(layout.unit);
    const heights = layout.rows.flatMap(({ sets }) => sets.map(({ height }) => height));
    expect(heights).toEqual([3, 1, 2].map((filters) => filters * layout.filter));
  });

  test('bands follow one another without gaps, and hold what is in them', () => {
    for (let seed = 0; seed < 60; seed += 1) {
      const known = random(seed);
      for (const layout of [simpleLayout(known, 900), detailedLayout(known, 900)]) {
        let [x, y] = [0, 0];
        for (const band of layout.columns) {
          expect(band.left).toBe(x);
          x += band.width;
          expect(columnAt(layout, band.left + band.width / 2)).toBe(band);
        }
        for (const row of layout.rows) {
          expect(row.top).toBe(y);
          y += row.height;
          expect(rowAt(layout, row.top)).toBe(row);
          for (const set of row.sets) {
            expect(set.top).toBeGreaterThanOrEqual(row.top);
            expect(set.top + set.height).toBeLessThanOrEqual(row.top + row.height);
          }
        }
        expect([layout.width, layout.height]).toEqual([x, y]);
        expect(columnAt(layout, x)).toBeNull();
        expect(rowAt(layout, -1)).toBeNull();
      }
    }
  });

  test('a block is found where it is drawn, by pointer and by keyboard', () => {
    for (let seed = 0; seed < 15; seed += 1) {
      const known = random(seed);
      const layout = detailedLayout(known, 1200);
      const stops = stopsOf(layout);
      stops.forEach(({ row, set }, down) => {
        for (const at of known.rows[row]?.sets[set ?? 0]?.columns ?? []) {
          const place = placeOfCursor(known, layout, { down, across: at });
          expect(place?.kind).toBe('block');
          if (!place) continue;
          const [x, y, width, height] = boxOf(layout, place);
          expect(placeAt(known, layout, x + width / 2, y + height / 2)).toEqual(place);
          expect(cursorOfPlace(layout, place)).toEqual({ down, across: at });
          expect(middleOf(layout, at)).toBe(x + width / 2);
        }
      });
    }
  });
});

describe('what belongs together', () => {
  const layout = detailedLayout(KNOWN, 200);
  const band = layout.columns[1] as (typeof layout.columns)[number];
  const at = (column_: number, y: number) =>
    placeAt(KNOWN, layout, iterationLeft(band, column_, layout.unit) + 2, y);

  test('a line lies between the occurrences of a set, not beyond them', () => {
    const [set, single] = layout.rows[0]?.sets ?? [];
    const inside = placeAt(KNOWN, layout, middleOf(layout, 1), (set?.top ?? 0) + 2);
    expect(inside).toMatchObject({ kind: 'line', row: 0, set: 0, column: 1, classPlace: 0 });
    expect(at(3, (set?.top ?? 0) + 2)?.kind).not.toBe('line');
    expect(at(3, (single?.top ?? 0) + 1)?.kind).toBe('block');
  });

  test('a rod joins the sets of one iteration', () => {
    expect([...rodsOf(KNOWN, layout).keys()].sort()).toEqual([2, 4]);
    const reach = rodsOf(KNOWN, layout).get(2);
    const [a, c] = [layout.rows[0]?.sets[0], layout.rows[1]?.sets[0]];
    expect(reach).toEqual({
      from: (a?.top ?? 0) + (a?.height ?? 0) / 2,
      to: (c?.top ?? 0) + (c?.height ?? 0) / 2,
    });
    expect(at(2, (layout.rows[1]?.top ?? 0) + 1)?.kind).toBe('rod');
  });

  test('classes, steps and filters of sets and classes', () => {
    expect(classesOfSet(KNOWN, 0, 0)).toEqual([0, 1]);
    expect(classesOfSet(KNOWN, 2, 0)).toEqual([1]);
    expect(stepsOf(KNOWN, [4, 1, 2])).toEqual([100, 300]);
    expect(columnsOfClass(KNOWN, 0)).toEqual([0, 1]);
    expect(filtersOf(KNOWN, 0, [0, 1])).toEqual([1, 4, 5, 9]);
    expect(filtersOf(KNOWN, 2, [0, 1])).toEqual([]);
  });

  test('lines are stronger with occurrences x size', () => {
    expect(heaviest(KNOWN)).toBe(6);
    const [three, one] = KNOWN.rows[0]?.sets ?? [];
    if (!three || !one) throw new Error('no sets');
    expect(lineOpacity(three, 6)).toBeGreaterThan(lineOpacity(one, 6));
    expect(lineOpacity(three, 6)).toBeLessThan(1);
  });
});

test('the cursor stays within the drawing', () => {
  const start = { down: 0, across: 0 };
  expect(movedCursor(start, 'ArrowUp', 3, 5)).toEqual(start);
  expect(movedCursor(start, 'End', 3, 5)).toEqual({ down: 0, across: 4 });
  expect(movedCursor(start, 'PageDown', 3, 5)).toEqual({ down: 2, across: 0 });
  expect(movedCursor(start, 'x', 3, 5)).toBeNull();
});

describe('other thresholds', () => {
  test('as counted one by one', () => {
    const next = generator(5);
    const [classes, passes] = [6, 40];
    const counts = () =>
      Int32Array.from({ length: classes * passes }, () => Math.floor(9 * next() ** 4));
    const [left, right] = [counts(), counts()];
    const outcomes = outcomesByThreshold({ left, right }, classes);
    for (let threshold = 1; threshold <= 10; threshold += 1) {
      let [hit, iterations] = [0, 0];
      for (let index = 0; index < classes; index += 1) {
        const own = Array.from({ length: passes }, (_, pass) => {
          const at = index * passes + pass;
          return Math.max(left[at] ?? 0, right[at] ?? 0) >= threshold;
        }).filter(Boolean).length;
        if (own < 2) continue;
        hit += 1;
        iterations += own;
      }
      const told = outcomes.find((each) => each.threshold === threshold);
      expect(told ?? { threshold, classes: 0, iterations: 0 }).toEqual({
        threshold,
        classes: hit,
        iterations,
      });
    }
  });

  test('those that are suggested differ', () => {
    const outcomes = [12, 8, 8, 2].map((iterations, at) => ({
      threshold: at + 1,
      classes: 1,
      iterations,
    }));
    expect(suggestedThresholds(outcomes, 9).map(({ threshold }) => threshold)).toEqual([4, 3, 1]);
    expect(suggestedThresholds(outcomes, 3).map(({ threshold }) => threshold)).toEqual([2, 1]);
    expect(higherThresholds(outcomes, 1).map(({ threshold }) => threshold)).toEqual([2, 4]);
    expect(higherThresholds(outcomes, 4)).toEqual([]);
  });
});

test('a table of either form', () => {
  const name = (index: number) => `class ${index}`;
  expect(correlationRows(KNOWN, false, name)).toHaveLength(1 + 3 * 2);
  expect(correlationRows(KNOWN, false, name)[2]).toEqual(['a', 'class 2', 5]);
  const sets = correlationRows(KNOWN, true, name);
  expect(sets).toHaveLength(1 + 8);
  expect(sets[1]).toEqual(['a', 1, '1 4 9', 'class 7', 100, 'left', 6]);
});

test('filters in words', () => {
  expect(filterWords([3])).toBe('filter 3');
  expect(filterWords([3, 4, 5])).toBe('filters 3, 4 and 5');
  expect(filterWords(Array.from({ length: 20 }, (_, at) => at))).toMatch(/ 11 and 8 more$/);
});

describe('the cube', () => {
  const size: CubeSize = { time: 400, layers: 300, depth: 120 };

  test('flat faces share their edges: rows with the front, columns with the top', () => {
    const { front, top, right, width, height } = projectionOf(size, 0);
    expect(apply(right, [30, 70])).toEqual([400 + FACE_GAP + 30, apply(front, [0, 70])[1]]);
    const [, y] = apply(top, [0, 30]);
    expect(y).toBe(120 - 30);
    expect([width, height]).toEqual([400 + FACE_GAP + 120, 120 + FACE_GAP + 300]);
  });

  test('oblique faces meet in their edges, skewed by 65 and 25 degrees', () => {
    const { front, top, right } = projectionOf(size, 1);
    for (const time of [0, 150, 400]) {
      expect(apply(top, [time, 0])).toEqual(apply(front, [time, 0]));
    }
    for (const layer of [0, 300]) {
      expect(apply(right, [0, layer])).toEqual(apply(front, [400, layer]));
    }
    for (const depth of [0, 60, 120]) {
      const [one, other] = [apply(top, [400, depth]), apply(right, [depth, 0])];
      expect(one[0]).toBeCloseTo(other[0], 9);
      expect(one[1]).toBeCloseTo(other[1], 9);
    }
    const degrees = (opposite: number, adjacent: number) =>
      (Math.atan2(opposite, adjacent) * 180) / Math.PI;
    expect(degrees(-right.b, right.a)).toBeCloseTo(25, 9);
    expect(degrees(top.c, -top.d)).toBeCloseTo(65, 9);
  });

  test('a place of a face is found where it is drawn', () => {
    const next = generator(3);
    for (const share of [0, 0.5, 1]) {
      const projection = projectionOf(size, share);
      for (let trial = 0; trial < 100; trial += 1) {
        const at = [next() * 400, next() * 120] as const;
        const back = invert(projection.top, apply(projection.top, at));
        expect(back[0]).toBeCloseTo(at[0], 6);
        expect(back[1]).toBeCloseTo(at[1], 6);
        if (share === 0.5) continue;
        expect(faceAt(projection, size, apply(projection.top, at))?.face).toBe('top');
        const right = [next() * 120, next() * 300] as const;
        expect(faceAt(projection, size, apply(projection.right, right))?.face).toBe('right');
      }
      expect(faceAt(projection, size, [-5, -5])).toBeNull();
    }
    expect(corners(projectionOf(size, 0).front, [0, 0, 10, 20])).toHaveLength(4);
  });

  test('a pixel shows the largest change behind it', () => {
    const columns = Array.from({ length: 8 }, (_, index) => ({
      index,
      step: index,
      left: index / 2,
      right: (index + 1) / 2,
    }));
    const spans = spansOf(columns, 4, 1);
    const table = heatTable(['#000000', '#0000ff'], '#ff0000');
    const line = new Uint32Array(4);
    const nan = Number.NaN;
    heatLine(line, spans, Float32Array.of(0, 1, 0, 0, nan, nan, nan, 0), table);
    expect([...line].map((pixel) => pixel.toString(16))).toEqual([
      'ffff0000',
      'ff000000',
      'ff0000ff',
      'ff000000',
    ]);
  });

  const seriesOf = (...changes: readonly number[]) => ({
    layer: 'a',
    measure: 'cosine',
    filters: [2, 5],
    values: Float32Array.from([...changes.map(() => Number.NaN), ...changes.map((x) => 1 - x)]),
  });

  test('a filter is shaded by the logarithm of its changes, from its least to its largest', () => {
    const shares = filterShares(seriesOf(Number.NaN, 0, 2 ** -14, 2 ** -7, 1), 5);
    expect(shares?.[0]).toBeNaN();
    expect([...(shares ?? [])].slice(1)).toEqual([0, 0, 0.5, 1]);
    expect(filterShares(seriesOf(0, 0), 5)).toEqual(Float32Array.of(0, 0));
    expect(filterShares(seriesOf(1), 3)).toBeNull();
  });

  test('changes that hardly differ are not spread over all colours', () => {
    const shares = [...(filterShares(seriesOf(0.5, 0.45, 0.4), 5) ?? [])];
    expect(shares[0]).toBe(1);
    expect(shares[2]).toBeCloseTo(1 + Math.log10(0.8), 5);
  });

  test('only the dumps in sight say what is least and most', () => {
    const series = seriesOf(1, 2 ** -10, 2 ** -8, 2 ** -6);
    expect([...(filterShares(series, 5, [1, 3]) ?? [])]).toEqual([1, 0, 0.5, 1]);
  });
});

describe('the words above the columns', () => {
  const named = (name: string) => () => name;

  test('lie side by side where all fit, and stand where not', () => {
    const wide = detailedLayout(KNOWN, 400);
    expect(wide.unit).toBe(40);
    const heads = headsOf(KNOWN, wide, named('cat'));
    expect(heads.names.lie).toBe('across');
    expect(heads.steps?.lie).toBe('across');
    const long = named('a class of a long name');
    const half = detailedLayout(KNOWN, 100);
    expect(Math.min(...half.columns.map(({ width }) => width))).toBeLessThan(64);
    expect(headsOf(KNOWN, half, long).names.lie).toBe('upright');
    expect(headsOf(KNOWN, simpleLayout(KNOWN, 900), long).names.lie).toBe('across');
    expect(headsOf(KNOWN, detailedLayout(KNOWN, 100), named('cat')).steps?.lie).toBe('upright');
  });

  test('leave the steps out where iterations are narrow', () => {
    const heads = headsOf(KNOWN, detailedLayout(KNOWN, 50), named('cat'));
    expect(heads.steps).toBeNull();
    expect(heads.height).toBe(heads.names.height + HEADS_PADDING);
    expect(headsOf(KNOWN, simpleLayout(KNOWN, 900), named('cat')).steps).toBeNull();
  });

  test('take no more than their share of the height', () => {
    const heads = headsOf(KNOWN, simpleLayout(KNOWN, 900), named('long '.repeat(50)));
    expect(heads.height).toBeLessThanOrEqual(120);
  });
});

describe('few rows and columns are large', () => {
  test('up to bounds', () => {
    const simple = simpleLayout(KNOWN, 1000);
    expect([simple.unit, simple.rows[0]?.height]).toEqual([80, 26]);
    const sets = detailedLayout(KNOWN, 1000);
    expect([sets.unit, sets.filter]).toEqual([40, 8]);
  });

  test('many are as small as can be told apart', () => {
    const rows = Array.from({ length: 60 }, (_, at) => ({ ...KNOWN.rows[0], layer: `l${at}` }));
    const known = { ...KNOWN, rows } as Correlation;
    expect(simpleLayout(known, 30).rows[0]?.height).toBe(18);
    expect(detailedLayout(known, 30).filter).toBe(4);
  });
});

describe('numbers in cells', () => {
  const painted = (room: number) => {
    const pen = svgPen();
    const whole = { left: 0, top: 0, right: 1000, bottom: 1000 };
    const colors = { count: () => '#123456', block: '#000000', rule: '#eeeeee' };
    paintLayout(pen, KNOWN, simpleLayout(KNOWN, room), whole, colors);
    return pen.parts.filter((part) => part.startsWith('<text'));
  };

  test('where cells are wide enough, and not for none', () => {
    expect(painted(60)).toEqual([]);
    expect(painted(160).map((text) => text.match(/>(\d+)</)?.[1])).toEqual(['4', '5', '1', '2']);
  });
});

test('only what is in sight is painted', () => {
  const next = generator(11);
  const classes = Array.from({ length: 400 }, (_, index) => index);
  const columns = classes.flatMap((index) => [column(index, 100), column(index, 200)]);
  const rows = Array.from({ length: 53 }, (_, row) => ({
    layer: `layer${row}`,
    sets: Array.from({ length: 4 }, (_, set) => ({
      filters: Array.from({ length: 1 + set }, (_, filter) => 10 * set + filter),
      columns: columns.flatMap((_, at) => (next() < 0.1 ? [at] : [])),
    })),
    distinct: classes.map(() => Math.floor(10 * next())),
  }));
  const known = { classes, columns, rows, left_out: [] };
  const sight = { left: 2000, top: 200, right: 3700, bottom: 840 };
  const colors = { count: () => '#123456', block: '#0000ff', rule: '#eeeeee' };
  for (const layout of [simpleLayout(known, 1700), detailedLayout(known, 1700)]) {
    const reach = { left: Infinity, right: 0, top: Infinity, bottom: 0, shapes: 0 };
    const pen: Pen = {
      rect: (x, y, width, height, _, opacity) => {
        if (opacity !== undefined) return;
        reach.left = Math.min(reach.left, x);
        reach.right = Math.max(reach.right, x + width);
        reach.top = Math.min(reach.top, y);
        reach.bottom = Math.max(reach.bottom, y + height);
        reach.shapes += 1;
      },
      text: () => {},
    };
    paintLayout(pen, known, layout, sight, colors);
    const wide = Math.max(...layout.columns.map(({ width }) => width));
    const high = Math.max(...layout.rows.map(({ height }) => height));
    expect(layout.width).toBeGreaterThan(sight.right + wide);
    expect(layout.height).toBeGreaterThan(sight.bottom + high);
    expect(reach.shapes).toBeGreaterThan(200);
    expect(reach.left).toBeGreaterThanOrEqual(sight.left - wide - 1);
    expect(reach.right).toBeLessThanOrEqual(sight.right + wide + 1);
    expect(reach.top).toBeGreaterThanOrEqual(sight.top - high - 1);
    expect(reach.bottom).toBeLessThanOrEqual(sight.bottom + high + 1);
  }
});

test('what was chosen in one run is not chosen in another', () => {
  const show = (run: string) => {
    training.value = { status: 'ready', value: emptyTraining(run) };
  };
  show('one');
  choose({ layer: 'conv1', classes: [1], filters: [3], steps: [10], of: 'class' });
  expect(chosen.value?.filters).toEqual([3]);
  show('two');
  expect(chosen.value).toBeNull();
  show('one');
  expect(chosen.value?.filters).toEqual([3]);
  choose(null);
  expect(chosen.value).toBeNull();
  training.value = { status: 'idle' };
});

test('classes with a single anomaly are counted at a threshold', () => {
  const counts = {
    left: Int32Array.of(0, 5, 0, 3, 4, 0, 0, 0, 0),
    right: Int32Array.of(0, 0, 0, 0, 0, 9, 0, 0, 0),
  };
  expect([1, 4, 5, 10].map((least) => classesWithOne(counts, 3, least))).toEqual([1, 1, 2, 0]);
  expect(classesWithOne({ left: new Int32Array(), right: new Int32Array() }, 0, 1)).toBe(0);
});
