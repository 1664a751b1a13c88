import { describe, expect, test } from 'vitest';
import { facesOf, frameTitle } from '../../src/views/network/faces';
import { buildNetwork } from '../../src/views/network/network';
import { openGroups, visibleNetwork } from '../../src/views/network/visible';
import { analyse, components, sections } from '../../src/workers/layout/dag';
import { layoutNetwork } from '../../src/workers/layout/layout';
import { assignLanes } from '../../src/workers/layout/route';
import { packRows } from '../../src/workers/layout/rows';
import type { LayoutInput, LayoutResult, Link, Rect } from '../../src/workers/layout/types';
import { NETWORKS, seeded } from '../harness-network/networks';

const link = (text: string): Link => {
  const [source = '', target = ''] = text.split('>');
  return { source, target };
};
const links = (text: string): Link[] => text.split(' ').filter(Boolean).map(link);
const text = (all: readonly Link[]): string[] =>
  all.map((one) => `${one.source}>${one.target}`).sort();

describe('transitive reduction', () => {
  test('leaves out every link that a longer way implies', () => {
    const dag = analyse([...'abcd'], links('a>b b>c c>d a>c a>d b>d'));
    expect(text(dag.kept)).toEqual(['a>b', 'b>c', 'c>d']);
    expect(text(dag.implied)).toEqual(['a>c', 'a>d', 'b>d']);
  });

  test('keeps both sides of a diamond', () => {
    const dag = analyse([...'abcd'], links('a>b a>c b>d c>d a>d'));
    expect(text(dag.kept)).toEqual(['a>b', 'a>c', 'b>d', 'c>d']);
    expect(text(dag.implied)).toEqual(['a>d']);
  });

  test('reaches exactly what the full graph reaches, for random graphs', () => {
    const random = seeded(1);
    for (let round = 0; round < 20; round++) {
      const nodes = Array.from({ length: 40 }, (_, index) => `n${index}`);
      const all: Link[] = [];
      nodes.forEach((source, from) => {
        nodes.slice(from + 1).forEach((target) => {
          if (random() < 0.1) all.push({ source, target });
        });
      });
      const dag = analyse(nodes, all);
      const again = analyse(nodes, dag.kept);
      expect(dag.kept.length + dag.implied.length).toBe(all.length);
      expect(again.implied).toEqual([]);
      for (const one of all) expect(again.reaches(one.source, one.target)).toBe(true);
    }
  });

  test('takes links against the order of a cycle out, and drops loops and repetitions', () => {
    const dag = analyse([...'abc'], links('a>b b>c c>a a>a a>b'));
    expect(dag.order).toEqual(['a', 'b', 'c']);
    expect(text(dag.kept)).toEqual(['a>b', 'b>c']);
    expect(text(dag.back)).toEqual(['c>a']);
  });

  test('cuts a network at the layers that all data passes', () => {
    const dag = analyse([...'abcdef'], links('a>b a>c b>d c>d d>e'));
    const parts = components(dag);
    expect(parts).toEqual([['a', 'b', 'c', 'd', 'e'], ['f']]);
    expect(sections(dag, parts[0] as string[])).toEqual([['a'], ['b', 'c'], ['d'], ['e']]);
  });
});

describe('rows', () => {
  const cells = (...widths: number[]) => widths.map((width) => ({ width, last: false }));

  test('need no more than filling takes, and are of nearly equal width', () => {
    const rows = packRows(cells(...new Array(10).fill(100)), 20, 850);
    expect(rows.map((row) => row.length)).toEqual([5, 5]);
  });

  test('give an oversized cell a row, and end one after a cell that is to be the last', () => {
    expect(packRows(cells(50, 500, 50), 10, 200)).toEqual([[0], [1], [2]]);
    const broken = [...cells(50, 50), { width: 60, last: true }, ...cells(50)];
    expect(packRows(broken, 10, 900)).toEqual([[0, 1, 2], [3]]);
  });

  test('lanes of overlapping intervals differ, and the shorter is the nearer', () => {
    const spans = [
      { from: 0, to: 100 },
      { from: 20, to: 60 },
      { from: 120, to: 160 },
    ];
    expect(assignLanes(spans, Number.POSITIVE_INFINITY)).toEqual([1, 0, 0]);
  });
});

function overlap(left: Rect, right: Rect): boolean {
  return (
    left.x < right.x + right.width &&
    right.x < left.x + left.width &&
    left.y < right.y + right.height &&
    right.y < left.y + left.height
  );
}

const contains = (outer: Rect, inner: Rect): boolean =>
  inner.x >= outer.x &&
  inner.y >= outer.y &&
  inner.x + inner.width <= outer.x + outer.width &&
  inner.y + inner.height <= outer.y + outer.height;

function drawing(
  name: keyof typeof NETWORKS,
  options: { open?: 'all'; width?: number; height?: number; compact?: boolean } = {},
): { input: LayoutInput; result: LayoutResult } {
  const network = buildNetwork(NETWORKS[name](), {
    compact: options.compact ?? true,
    blocks: null,
  });
  const open = options.open === 'all' ? new Set(network.groups.keys()) : openGroups(network, []);
  const visible = visibleNetwork(network, open);
  const input = {
    boxes: [...facesOf(network, visible).values()],
    frames: visible.frames.map(({ name: id, parent }) => ({
      id,
      parent,
      titleWidth: frameTitle(network, id).name.length * 7,
    })),
    links: visible.links,
    room: { width: options.width ?? 1200, height: options.height ?? 400 },
  };
  return { input, result: layoutNetwork(input) };
}

describe('the drawing', () => {
  const cases = (Object.keys(NETWORKS) as (keyof typeof NETWORKS)[]).flatMap((name) =>
    [640, 1200, 1850].flatMap((width) => [
      { name, width, open: undefined },
      { name, width, open: 'all' as const },
    ]),
  );

  test.each(cases)(
    'of $name in $width px, open: $open, has every box once and no overlap',
    ({ name, width, open }) => {
      const { input, result } = drawing(name, { width, ...(open ? { open } : {}) });
      expect(result.boxes.map(({ id }) => id).sort()).toEqual(
        input.boxes.map(({ id }) => id).sort(),
      );
      const whole = { x: 0, y: 0, width: result.width + 0.01, height: result.height + 0.01 };
      for (const box of [...result.boxes, ...result.frames])
        expect(contains(whole, box), box.id).toBe(true);
      result.boxes.forEach((box, index) => {
        for (const other of result.boxes.slice(index + 1))
          expect(overlap(box, other), `${box.id} ${other.id}`).toBe(false);
      });
    },
  );

  test('holds members of an opened group inside its frame, and others outside', () => {
    const { input, result } = drawing('sharedModel');
    const frame = result.frames.find(({ id }) => id === 'encoder') as Rect;
    for (const { id } of input.boxes) {
      const box = result.boxes.find((one) => one.id === id) as Rect;
      const inside = id.startsWith('encoder/');
      expect(contains(frame, box), id).toBe(inside);
      expect(overlap(frame, box), id).toBe(inside);
    }
  });

  test('takes more rows where that makes a small network larger', () => {
    const flat = drawing('alexNet', { width: 1850, height: 120 }).result;
    const tall = drawing('alexNet', { width: 1850, height: 700 }).result;
    expect(tall.rows).toBeGreaterThan(flat.rows);
    expect(tall.width).toBeLessThan(flat.width);
  });

  test('is a single row where the network fits, and several reading left to right where not', () => {
    expect(drawing('alexNet', { width: 1850, height: 120 }).result.rows).toBe(1);
    const { result } = drawing('alexNet', { width: 640 });
    expect(result.rows).toBeGreaterThan(1);
    expect(result.edges.filter((edge) => edge.kind === 'return').length).toBe(result.rows - 1);
    for (const edge of result.edges.filter(({ kind }) => kind === 'flow')) {
      const [from, to] = [edge.sources[0], edge.targets[0]].map(
        (id) => result.boxes.find((box) => box.id === id) as Rect,
      ) as [Rect, Rect];
      expect(from.x + from.width).toBeLessThan(to.x);
    }
  });

  test('draws every link once: as part of the flow or as a skip', () => {
    const { input, result } = drawing('uNet');
    const drawn = new Set(
      result.edges.flatMap((edge) =>
        edge.sources.flatMap((source) => edge.targets.map((target) => `${source}>${target}`)),
      ),
    );
    expect([...drawn].sort()).toEqual(text(input.links));
    expect(result.edges.filter((edge) => edge.kind === 'skip').length).toBe(4);
  });

  test('keeps very many skip edges quiet', () => {
    const { result } = drawing('denseNet121', { open: 'all', width: 1200 });
    const skips = result.edges.filter((edge) => edge.kind === 'skip');
    expect(skips.length).toBeGreaterThan(400);
    expect(skips.filter((edge) => !edge.quiet).length).toBeLessThan(40);
  });

  test.each(['resNet50', 'denseNet121'] as const)(
    'of %s does not keep the page waiting',
    (name) => {
      for (const open of ['all', undefined] as const) {
        const times = [1, 2, 3].map(() => {
          const started = performance.now();
          drawing(name, { ...(open ? { open } : {}), compact: open !== 'all' });
          return performance.now() - started;
        });
        expect(Math.min(...times)).toBeLessThan(2500);
      }
    },
  );

  test('keeps edges clear of foreign boxes in a residual network', () => {
    const { result } = drawing('resNet50', { open: 'all' });
    for (const edge of result.edges) {
      const points = [...edge.path.matchAll(/[ML](-?[\d.]+) (-?[\d.]+)/g)].map((match) => ({
        x: Number(match[1]),
        y: Number(match[2]),
      }));
      const own = new Set([...edge.sources, ...edge.targets]);
      for (const box of result.boxes.filter(({ id }) => !own.has(id))) {
        points.slice(1).forEach((point, index) => {
          const before = points[index] as { x: number; y: number };
          const segment = {
            x: Math.min(point.x, before.x),
            y: Math.min(point.y, before.y),
            width: Math.abs(point.x - before.x) + 0.01,
            height: Math.abs(point.y - before.y) + 0.01,
          };
          const straight = segment.width < 0.1 || segment.height < 0.1;
          expect(straight && overlap(segment, box), `${edge.path} through ${box.id}`).toBe(false);
        });
      }
    }
  });
});
