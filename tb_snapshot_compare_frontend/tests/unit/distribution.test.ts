import { describe, expect, test } from 'vitest';
import {
  cellsOfBins,
  clicked,
  existing,
  united,
  weightsIn,
} from '../../src/views/distribution/cells';
import { firstStop, moved, nearestStop } from '../../src/views/distribution/cursor';
import {
  barRect,
  cellAt,
  countTicks,
  heightShare,
  highestBar,
  levelPaths,
  niceTop,
  type Stack,
  segmentRect,
} from '../../src/views/distribution/geometry';
import {
  csvRows,
  edgeFormat,
  excludedLine,
  interval,
  levelRange,
  nothingChanged,
  readout,
  selectionLine,
  spoken,
} from '../../src/views/distribution/words';
import { distributionOf, SMALL } from '../browser/distribution-fixture';

const plain = (text: string) => text.replaceAll('\u00a0', ' ');

/** 3 bins of 100 px, 200 px high. */
function stackOf(overrides: Partial<Stack> = {}): Stack {
  return {
    edges: SMALL.bin_edges,
    counts: SMALL.counts,
    weights: [1, 1],
    kind: 'linear',
    top: 100,
    plot: { left: 0, top: 0, right: 300, bottom: 200 },
    ...overrides,
  };
}

describe('geometry', () => {
  test('segments fill their bar, the largest level on top', () => {
    expect(segmentRect(stackOf(), { bin: 0, level: 0 })).toEqual({
      x: 1,
      y: 180,
      width: 98,
      height: 20,
    });
    expect(segmentRect(stackOf(), { bin: 0, level: 1 })).toEqual({
      x: 1,
      y: 120,
      width: 98,
      height: 60,
    });
  });

  test.each(['linear', 'sqrt', 'log'] as const)(
    'the heights of the segments sum to the height of the bar (%s)',
    (kind) => {
      const { counts, bin_edges: edges } = distributionOf({ bins: 40, levels: 7 });
      const weights = new Array(7).fill(1);
      const top = niceTop(kind, highestBar(counts, weights));
      const stack = stackOf({ counts, edges, weights, kind, top });
      counts.forEach((bar, bin) => {
        const sum = bar.reduce(
          (height, _, level) => height + (segmentRect(stack, { bin, level })?.height ?? 0),
          0,
        );
        expect(sum).toBeCloseTo(barRect(stack, bin).height, 9);
        const total = bar.reduce((all, count) => all + count, 0);
        const wanted = total === 0 ? 0 : Math.max(1, heightShare(kind, total, top) * 200);
        expect(sum).toBeCloseTo(wanted, 9);
      });
    },
  );

  test('a hidden level leaves the stack and those above it come down', () => {
    const stack = stackOf({ weights: [0, 1] });
    expect(segmentRect(stack, { bin: 0, level: 0 })).toBeNull();
    expect(segmentRect(stack, { bin: 0, level: 1 })).toMatchObject({ y: 140, height: 60 });
    expect(highestBar(SMALL.counts, [0, 1])).toBe(60);
  });

  test('one path per level, an empty one for a level that is hidden', () => {
    expect(levelPaths(stackOf())).toEqual([
      'M1 180h98v20h-98zM101 0h98v200h-98z',
      'M1 120h98v60h-98zM201 80h98v120h-98z',
    ]);
    expect(levelPaths(stackOf({ weights: [1, 0] }))[1]).toBe('');
  });

  test('a point is in the cell that is drawn there', () => {
    expect(cellAt(stackOf(), 50, 190)).toEqual({ bin: 0, level: 0 });
    expect(cellAt(stackOf(), 50, 150)).toEqual({ bin: 0, level: 1 });
    expect(cellAt(stackOf(), 50, 112)).toEqual({ bin: 0, level: 1 });
    expect(cellAt(stackOf(), 50, 50)).toBeNull();
    expect(cellAt(stackOf(), 299, 190)).toEqual({ bin: 2, level: 1 });
    expect(cellAt(stackOf(), -1, 190)).toBeNull();
    expect(cellAt(stackOf(), 50, 201)).toBeNull();
  });

  test('a bar of one weight among a million is still one pixel high', () => {
    const stack = stackOf({
      counts: [
        [1, 0],
        [1_000_000, 0],
        [0, 0],
      ],
      top: 1_000_000,
    });
    expect(barRect(stack, 0).height).toBe(1);
    expect(barRect(stack, 2).height).toBe(0);
  });

  test('counts on the axis are whole, round and apart', () => {
    expect(countTicks('linear', 100, 200)).toEqual([0, 20, 40, 60, 80, 100]);
    expect(countTicks('linear', 1, 200)).toEqual([0, 1]);
    expect(countTicks('log', 1_000_000, 300)).toEqual([
      0, 10, 100, 1000, 10_000, 100_000, 1_000_000,
    ]);
    const ticks = countTicks('sqrt', 560_000, 200);
    const heights = ticks.map((count) => heightShare('sqrt', count, 560_000) * 200);
    for (let index = 1; index < heights.length; index += 1) {
      expect((heights[index] as number) - (heights[index - 1] as number)).toBeGreaterThanOrEqual(
        32,
      );
    }
  });
});

describe('cells', () => {
  const one = { bin: 0, level: 1 };
  const other = { bin: 2, level: 1 };

  test('a click chooses, a click on the only chosen cell clears', () => {
    expect(clicked([], one, false)).toEqual([one]);
    expect(clicked([one], one, false)).toEqual([]);
    expect(clicked([one], other, false)).toEqual([other]);
    expect(clicked([one, other], other, false)).toEqual([other]);
  });

  test('with Shift a click adds in order or takes away', () => {
    expect(clicked([other], one, true)).toEqual([one, other]);
    expect(clicked([one, other], one, true)).toEqual([other]);
    expect(united([other], [one, other])).toEqual([one, other]);
  });

  test('bins give their shown cells that hold weights, in either direction', () => {
    expect(cellsOfBins(SMALL.counts, [], 1, 0)).toEqual([
      { bin: 0, level: 0 },
      { bin: 0, level: 1 },
      { bin: 1, level: 0 },
    ]);
    expect(cellsOfBins(SMALL.counts, [0], 0, 2)).toEqual([one, other]);
  });

  test('cells of another size are ignored', () => {
    expect(existing([one, { bin: 7, level: 0 }, { bin: 0, level: 9 }], SMALL.counts)).toEqual([
      one,
    ]);
  });

  test('weights are summed over cells', () => {
    expect(weightsIn([one, other], SMALL.counts)).toBe(90);
  });
});

describe('keyboard', () => {
  const grid = { counts: SMALL.counts, hidden: [] };

  test('starts at the highest bar and skips what is empty', () => {
    expect(firstStop(grid)).toEqual({ bin: 1, level: 0 });
    expect(moved(grid, { bin: 1, level: 0 }, 'ArrowRight', 0)).toEqual({ bin: 2, level: 1 });
    expect(moved(grid, { bin: 2, level: 1 }, 'ArrowRight', 0)).toEqual({ bin: 2, level: 1 });
    expect(moved(grid, { bin: 2, level: 1 }, 'Home', 1)).toEqual({ bin: 0, level: 1 });
    expect(moved(grid, { bin: 0, level: 0 }, 'End', 0)).toEqual({ bin: 2, level: 1 });
  });

  test('goes up and down inside a bar and stays at its ends', () => {
    expect(moved(grid, { bin: 0, level: 0 }, 'ArrowUp', 0)).toEqual({ bin: 0, level: 1 });
    expect(moved(grid, { bin: 0, level: 1 }, 'ArrowUp', 1)).toEqual({ bin: 0, level: 1 });
    expect(moved(grid, { bin: 0, level: 0 }, 'ArrowDown', 0)).toEqual({ bin: 0, level: 0 });
  });

  test('other keys do not move', () => {
    expect(moved(grid, { bin: 0, level: 0 }, 'x', 0)).toBeNull();
  });

  test('leaves a level that was hidden', () => {
    expect(nearestStop({ ...grid, hidden: [0] }, { bin: 0, level: 0 })).toEqual({
      bin: 0,
      level: 1,
    });
    expect(nearestStop({ ...grid, hidden: [0] }, { bin: 1, level: 0 })).toEqual({
      bin: 2,
      level: 1,
    });
    expect(firstStop({ ...grid, hidden: [0, 1] })).toBeNull();
  });
});

describe('words', () => {
  test('intervals are half-open, the last one closed', () => {
    const format = edgeFormat(SMALL.bin_edges);
    expect([0, 1, 2].map((bin) => interval(SMALL.bin_edges, bin, format))).toEqual([
      '[−0.30, −0.10)',
      '[−0.10, 0.10)',
      '[0.10, 0.30]',
    ]);
  });

  test('edges of tiny bins are told apart', () => {
    const edges = [-2e-7, -1e-7, 1e-23, 1e-7];
    expect(edges.map(edgeFormat(edges))).toEqual(['−2.0e−7', '−1.0e−7', '0', '1.0e−7']);
  });

  test('an edge near zero is not called a negative zero', () => {
    const edges = [-0.0083, -0.00003, 0.0082];
    expect(edges.map(edgeFormat(edges))).toEqual(['−0.0083', '−3e−5', '0.0082']);
  });

  test('levels are exact in percent', () => {
    const edges = Array.from({ length: 33 }, (_, level) => level / 16);
    expect(levelRange(edges, 1)).toBe('6.25–12.5');
    expect(levelRange(SMALL.level_edges, 1)).toBe('100–200');
  });

  test('a read-out names count and shares', () => {
    expect(readout(SMALL, { bin: 0, level: 1 })).toMatchObject({
      count: 30,
      change: '[−0.30, −0.10)',
      shareOfBar: 0.75,
      shareOfAll: 0.15,
    });
    expect(plain(spoken(SMALL, { bin: 0, level: 1 }, true))).toBe(
      '30 weights, change [−0.30, −0.10), relative change [100 %, 200 %], 75 % of the bar, selected',
    );
  });

  test('the selection is named', () => {
    expect(plain(selectionLine(SMALL, [{ bin: 0, level: 1 }]))).toBe('1 cell, 30 weights (15 %)');
    expect(excludedLine(1024)).toBe('1,024 pairs with NaN or infinity are not shown');
  });

  test('equal weights all lie in the bin that holds zero', () => {
    const around = (edges: number[]) => ({
      ...SMALL,
      bin_edges: edges,
      counts: [
        [0, 0],
        [200, 0],
      ],
    });
    expect(nothingChanged(around([-0.5, 0, 0.5]))).toBe(true);
    expect(nothingChanged(around([0.1, 0.2, 0.3]))).toBe(false);
    expect(nothingChanged(SMALL)).toBe(false);
  });

  test('the file has a row per cell', () => {
    expect(csvRows(SMALL)).toEqual([
      ['bin_lower', 'bin_upper', 'level_lower', 'level_upper', 'count', 'percent_of_bar'],
      [-0.3, -0.1, 0, 1, 10, 25],
      [-0.3, -0.1, 1, 2, 30, 75],
      [-0.1, 0.1, 0, 1, 100, 100],
      [-0.1, 0.1, 1, 2, 0, 0],
      [0.1, 0.3, 0, 1, 0, 0],
      [0.1, 0.3, 1, 2, 60, 100],
    ]);
  });
});
