import { describe, expect, test } from 'vitest';
import { columnsOf, GUTTER, stepScale } from '../../src/scales/steps';
import { type Cursor, heldCursor, moveCursor } from '../../src/views/training-validation/cursor';
import {
  cellHeight,
  firstZoom,
  type Layout,
  type LayoutQuery,
  type Line,
  layOut,
  lineIndexAt,
  linesBetween,
  modelLayout,
  spotAt,
  ZOOM_MAX,
  ZOOM_MIN,
  ZOOM_STEP,
} from '../../src/views/training-validation/lines';
import { clustersOf, listClasses } from '../../src/views/training-validation/listing';
import { placePictures } from '../../src/views/training-validation/pictures';
import { pointAt } from '../../src/views/training-validation/pointing';
import { imageName, imageTitle, shownWords } from '../../src/views/training-validation/words';
import { seeded } from '../harness-network/networks';

const names = ['tench', 'goldfish', 'white shark', 'hammerhead', 'stingray', 'sharksucker'];
const peaks = Int32Array.from([3, 9, 12, 0, 5, 4]);
const order = [5, 4, 3, 2, 1, 0];
const listing = { order, peaks, threshold: 5, all: false, query: '', names, opened: [] };

describe('listing', () => {
  test('classes whose peak reaches the threshold are listed in order, the others counted', () => {
    expect(listClasses(listing)).toEqual({ listed: [4, 2, 1], below: 3 });
    expect(listClasses({ ...listing, all: true })).toEqual({ listed: order, below: 0 });
    expect(listClasses({ ...listing, threshold: 13 })).toEqual({ listed: [], below: 6 });
  });

  test('an opened class stays', () => {
    expect(listClasses({ ...listing, opened: [3] })).toEqual({ listed: [4, 3, 2, 1], below: 2 });
  });

  test('a search finds by name, whatever the threshold', () => {
    expect(listClasses({ ...listing, query: ' SHARK ' })).toEqual({ listed: [5, 2], below: 0 });
    expect(listClasses({ ...listing, query: 'whale' })).toEqual({ listed: [], below: 0 });
  });

  test('clusters hold their classes in the order of the list', () => {
    expect(clustersOf(Int32Array.from([0, 1, 0, 2, 1, 0]), order)).toEqual([
      [5, 2, 0],
      [4, 1],
      [3],
    ]);
    expect(clustersOf(new Int32Array(0), [])).toEqual([]);
  });
});

function query(changes: Partial<LayoutQuery> = {}): LayoutQuery {
  return {
    clusters: null,
    openClusters: [],
    list: (classes) => listClasses({ ...listing, order: classes, all: true }),
    classes: order,
    opened: new Map(),
    zoom: (_, images) => firstZoom(images),
    triangles: true,
    paired: false,
    ...changes,
  };
}

const kinds = ({ lines }: Layout) => lines.map(({ key }) => key);

function randomLayout(random: () => number): Layout {
  const clusters = [
    [0, 1],
    [2, 3],
    [4, 5],
  ];
  const opened = new Map(
    [0, 1, 2, 3, 4, 5]
      .filter(() => random() < 0.4)
      .map((index) => [index, Math.floor(random() * 90)]),
  );
  return layOut(
    query({
      clusters: random() < 0.6 ? clusters : null,
      openClusters: [0, 1, 2].filter(() => random() < 0.6),
      list: (classes) => listClasses({ ...listing, order: classes, all: random() < 0.5 }),
      opened,
      triangles: random() < 0.5,
      paired: random() < 0.5,
    }),
  );
}

describe('lines', () => {
  test('clusters come with their classes where they are open', () => {
    const clusters = [[5, 2, 0], [4, 1], [3]];
    const list = (classes: readonly number[]) => listClasses({ ...listing, order: classes });
    const layout = layOut(
      query({ clusters, openClusters: [0, 2], list, opened: new Map([[2, 8]]) }),
    );
    expect(kinds(layout)).toEqual([
      ...['cluster-0', 'class-2', 'rest-0', 'cluster-1', 'cluster-2', 'rest-2'],
    ]);
    const [, open, rest] = layout.lines;
    expect(open).toMatchObject({ kind: 'images', images: 8, level: 2 });
    expect(rest).toMatchObject({ kind: 'rest', count: 2 });
    expect(kinds(layOut(query()))).toEqual(order.map((index) => `class-${index}`));
  });

  test('lie one below the other, with their charts inside', () => {
    const random = seeded(77);
    for (let round = 0; round < 60; round += 1) {
      const { lines, height } = randomLayout(random);
      let top = 0;
      for (const line of lines) {
        expect(line.top).toBe(top);
        expect(line.chartTop + line.chartHeight).toBeLessThanOrEqual(line.height);
        if (line.kind === 'images') expect(line.chartHeight).toBe(line.images * line.cell);
        top += line.height;
      }
      expect(height).toBe(top);
    }
  });

  test('what lies at a height is what brute force finds there', () => {
    const random = seeded(78);
    for (let round = 0; round < 12; round += 1) {
      const { lines, height } = randomLayout(random);
      const inside = (line: Line, y: number) => y >= line.top && y < line.top + line.height;
      for (let y = -5; y < height + 5; y += 3.5) {
        const spot = spotAt(lines, y);
        const found = lines.find((line) => inside(line, y));
        expect(spot?.line.key).toBe(found?.key);
        if (spot?.line.kind === 'images') {
          const chart = y - spot.line.top - spot.line.chartTop;
          const within = chart >= 0 && chart < spot.line.chartHeight;
          expect(spot.row).toBe(within ? Math.floor(chart / spot.line.cell) : null);
        }
        const [from, to] = [y, y + 300 * random()];
        const overlapping = lines.filter(
          (line) => line.top < to && line.top + line.height > Math.max(0, from),
        );
        const given = linesBetween(lines, from, to);
        for (const line of overlapping) expect(given).toContain(line);
        expect(given.length).toBeLessThanOrEqual(overlapping.length + 1);
      }
      expect(lineIndexAt(lines, -1)).toBe(-1);
    }
  });

  test('rows of images are whole pixels at every zoom, and fit at first', () => {
    for (const images of [1, 8, 12, 50, 100, 101, 1000]) {
      for (let zoom = ZOOM_MIN; zoom <= ZOOM_MAX; zoom += ZOOM_STEP) {
        expect(Number.isInteger(cellHeight(images, zoom))).toBe(true);
      }
      const zoom = firstZoom(images);
      expect(zoom).toBeGreaterThanOrEqual(ZOOM_MIN);
      expect(zoom).toBeLessThanOrEqual(ZOOM_MAX);
      expect(zoom / ZOOM_STEP).toBe(Math.round(zoom / ZOOM_STEP));
    }
    expect(firstZoom(12)).toBe(6.5);
    expect(firstZoom(20) * cellHeight(20, 1)).toBe(16);
    expect(firstZoom(1000)).toBe(1);
    expect(firstZoom(0)).toBe(ZOOM_MAX);
  });

  test('the model has one', () => {
    expect(modelLayout(false).lines.map(({ kind }) => kind)).toEqual(['model']);
  });
});

describe('the cursor', () => {
  const still = { ctrl: false, shift: false };
  const layout = layOut(
    query({
      clusters: [
        [5, 2],
        [4, 1],
      ],
      openClusters: [0],
      opened: new Map([[2, 3]]),
    }),
  );
  const marks = () =>
    [10, 14, 30].map((pass) => ({ pass, side: 'left', count: 9, half: 6 }) as const);
  const sight = () => [5, 20] as const;
  const across = (pass: number) => pass;
  const ground = { lines: layout.lines, sight, across, marks };
  const at = (key: string, row: number | null = null, pass = 12): Cursor => ({ key, row, pass });
  const move = (from: Cursor, key: string, modifiers = still) =>
    moveCursor(from, key, modifiers, ground);

  test('goes down through every row once, and back', () => {
    const path: Cursor[] = [at('cluster-0')];
    for (let step = 0; step < 9; step += 1)
      path.push(move(path.at(-1) as Cursor, 'ArrowDown') as Cursor);
    expect(path.map(({ key, row }) => (row === null ? key : `${key}/${row}`))).toEqual([
      ...['cluster-0', 'class-5', 'class-2', 'class-2/0', 'class-2/1', 'class-2/2', 'cluster-1'],
      ...['cluster-1', 'cluster-1', 'cluster-1'],
    ]);
    const back = path.slice(0, 7).reverse();
    back.slice(1).forEach((expected, index) => {
      expect(move(back[index] as Cursor, 'ArrowUp')).toEqual(expected);
    });
    expect(move(at('cluster-0'), 'ArrowUp')).toEqual(at('cluster-0'));
  });

  test('goes along the passes in sight, in long steps with Shift', () => {
    expect(move(at('class-5'), 'ArrowRight')?.pass).toBe(13);
    expect(move(at('class-5'), 'ArrowLeft', { ctrl: false, shift: true })?.pass).toBe(5);
    expect(move(at('class-5'), 'ArrowRight', { ctrl: true, shift: false })?.pass).toBe(20);
    expect(move(at('class-5'), 'Home')?.pass).toBe(5);
    expect(move(at('class-5'), 'End')?.pass).toBe(20);
    expect(move(at('class-5'), 'End', { ctrl: true, shift: false })).toEqual(at('cluster-1'));
    expect(move(at('class-2', 1), 'Home', { ctrl: true, shift: false })).toEqual(at('cluster-0'));
    expect(move(at('class-5'), 'PageDown')).toEqual(at('cluster-1'));
    expect(move(at('class-5'), 'x')).toBeNull();
  });

  test('goes to the anomalies in sight', () => {
    expect(move(at('class-5'), '.')?.pass).toBe(14);
    expect(move(at('class-5'), ',')?.pass).toBe(10);
    expect(move(at('class-5', null, 14), '.')?.pass).toBe(14);
  });

  test('stays at a row that there is', () => {
    expect(heldCursor(null, ground)).toEqual(at('cluster-0', null, 20));
    expect(heldCursor(at('class-9', 4, 99), ground)).toEqual(at('cluster-0', null, 20));
    expect(heldCursor(at('class-2', 9, 1), ground)).toEqual(at('class-2', 2, 5));
    expect(heldCursor(at('class-5', 9), ground)).toEqual(at('class-5'));
    expect(heldCursor(at('class-5'), { ...ground, lines: [] })).toBeNull();
  });
});

test('pointing finds the pass whose column lies there, and marks in the lanes', () => {
  const passes = [100, 200, 300, 350, 400];
  const scale = stepScale(passes, [100, 400], 700);
  const columns = columnsOf(passes, scale);
  const { lines } = layOut(query());
  const mark = { pass: 2, side: 'left', count: 9, half: 6 } as const;
  const axis = () => ({ passes, columns });
  const asked = { lines, axis, scale, marks: () => [mark] };
  const line = lines[1] as Line;
  const middle = line.top + line.chartTop + 4;
  for (const { index, left, right } of columns) {
    for (const x of [left + 1, (left + right) / 2, right - 1]) {
      expect(pointAt(asked, x, middle)).toMatchObject({ pass: index, mark: null, line });
    }
  }
  expect(pointAt(asked, -1, middle)?.pass).toBeNull();
  expect(pointAt(asked, 701, middle)?.pass).toBeNull();
  expect(pointAt(asked, 10, -1)).toBeNull();
  const tip = ((columns[2]?.left ?? 0) + (columns[2]?.right ?? 0)) / 2;
  const above = line.top + line.chartTop - 3;
  expect(pointAt(asked, tip + 5, above)?.mark).toMatchObject(mark);
  expect(pointAt(asked, tip + 7, above)?.mark).toBeNull();
  expect(pointAt(asked, tip, line.top + line.chartTop + line.chartHeight + 3)?.mark).toBeNull();
});

describe('pictures beside a pixel chart', () => {
  test('lie side by side within the gutter, without overlap, in the order of the rows', () => {
    for (const [images, height] of [
      [1, 40],
      [20, 160],
      [50, 300],
      [1000, 2000],
    ] as const) {
      const { places } = placePictures(images, height);
      expect(places.map(({ row }) => row)).toEqual(places.map((_, at) => at));
      places.forEach(({ x, y, size }, at) => {
        expect(x).toBeGreaterThan(0);
        expect(x + size).toBeLessThan(GUTTER);
        expect(y + size).toBeLessThanOrEqual(height);
        for (const other of places.slice(at + 1, at + 12)) {
          const apart = Math.max(Math.abs(other.x - x), Math.abs(other.y - y));
          expect(apart).toBeGreaterThan(size);
        }
      });
    }
  });

  test('the last place says how many have no room', () => {
    const few = placePictures(20, 160);
    expect([few.places.length, few.more]).toEqual([20, null]);
    const many = placePictures(20, 60);
    expect(many.places.length + (many.more?.count ?? 0)).toBe(20);
    expect(many.more?.count).toBe(9);
    expect(placePictures(20, 8)).toEqual({ places: [], more: null });
  });
});

test('a name that is a number alone says what it numbers', () => {
  expect(imageName('72', 5)).toBe('image 72');
  expect(imageName(undefined, 5)).toBe('image 5');
  expect(imageName('tench/72.png', 5)).toBe('tench/72.png');
  expect([imageTitle('72', 5), imageTitle('cat', 5)]).toEqual(['Image 72', 'cat']);
});

test('of too many images it is said how many are shown', () => {
  expect(shownWords({ order: Int32Array.of(1, 0), leftOut: 0 })).toBe('2 images');
  expect(shownWords({ order: Int32Array.of(1, 0), leftOut: 1998 })).toBe('2 of 2,000 images');
});
