/** A cell is what rows are packed from: one box, or the parallel branches between two bottlenecks. */
import { Graph, layout } from '@dagrejs/dagre';
import type { Dag } from './dag';
import type { Polyline } from './route';
import type { Link, Point, Rect, Size } from './types';

/** A box or an opened frame of one level, with the heights at which edges enter and leave it. */
export interface Item extends Size {
  readonly id: string;
  readonly entry: number;
  readonly exit: number;
}

export interface PlacedItem extends Rect {
  readonly item: Item;
}

/** Coordinates are relative to the cell's upper left corner. */
export interface Cell extends Size {
  readonly items: readonly PlacedItem[];
  readonly entry: number;
  readonly exit: number;
  /** Whether the cell's own edges start at its left and end at its right border. */
  readonly branches: boolean;
  readonly edges: readonly (Polyline & { readonly link: Link; readonly arrow: boolean })[];
}

const BOX_GAP = 14;
const RANK_GAP = 34;
/** Ends of the branches inside a cell; no layer has such a name. */
const START = '\u0000start';
const END = '\u0000end';

export function singleCell(item: Item): Cell {
  const { width, height, entry, exit } = item;
  return {
    width,
    height,
    entry,
    exit,
    branches: false,
    items: [{ x: 0, y: 0, width, height, item }],
    edges: [],
  };
}

function placed(graph: Graph, id: string): { x: number; y: number } {
  const node = graph.node(id) as { x?: number; y?: number };
  return { x: node.x ?? 0, y: node.y ?? 0 };
}

/**
 * Lays out parallel branches with dagre, from left to right. `entered` and `left` tell whether a
 * bottleneck lies before and after the branches.
 */
export function branchCell(
  items: readonly Item[],
  dag: Dag,
  entered: boolean,
  left: boolean,
): Cell {
  const ids = new Set(items.map((item) => item.id));
  const inner = dag.kept.filter(({ source, target }) => ids.has(source) && ids.has(target));
  const links: Link[] = [...inner];
  const targets = new Set(inner.map((link) => link.target));
  const sources = new Set(inner.map((link) => link.source));
  for (const { id } of items) {
    if (entered && !targets.has(id)) links.push({ source: START, target: id });
    if (left && !sources.has(id)) links.push({ source: id, target: END });
  }
  const graph = new Graph();
  graph.setGraph({ rankdir: 'LR', nodesep: BOX_GAP, ranksep: RANK_GAP, edgesep: 10 });
  graph.setDefaultEdgeLabel(() => ({}));
  if (entered) graph.setNode(START, { width: 0, height: 0 });
  for (const { id, width, height } of items) graph.setNode(id, { width, height });
  if (left) graph.setNode(END, { width: 0, height: 0 });
  for (const { source, target } of links) graph.setEdge(source, target);
  layout(graph);
  return assemble(graph, items, links);
}

/** 1, or -1 where drawing upside down puts more of the boxes in the order they were given. */
function orientation(places: readonly Point[]): 1 | -1 {
  let agreement = 0;
  places.forEach((place, index) => {
    for (const other of places.slice(index + 1))
      if (Math.abs(other.x - place.x) < RANK_GAP) agreement += Math.sign(other.y - place.y);
  });
  return agreement < 0 ? -1 : 1;
}

function assemble(graph: Graph, items: readonly Item[], links: readonly Link[]): Cell {
  const centres = items.map((item) => placed(graph, item.id));
  const up = orientation(centres);
  const corner = items.map((item, index) => {
    const { x, y } = centres[index] as Point;
    return { x: x - item.width / 2, y: up * y - item.height / 2 };
  });
  const top = Math.min(...corner.map(({ y }) => y));
  const bottom = Math.max(...items.map((item, index) => (corner[index]?.y ?? 0) + item.height));
  const start = graph.hasNode(START) ? placed(graph, START).x : Number.POSITIVE_INFINITY;
  const end = graph.hasNode(END) ? placed(graph, END).x : Number.NEGATIVE_INFINITY;
  const leftmost = Math.min(start, ...corner.map(({ x }) => x));
  const rightmost = Math.max(
    end,
    ...items.map((item, index) => (corner[index]?.x ?? 0) + item.width),
  );
  const height = bottom - top;
  const width = rightmost - leftmost;
  const boxes = new Map(
    items.map((item, index) => {
      const { x = 0, y = 0 } = corner[index] ?? {};
      const { width: w, height: h } = item;
      return [item.id, { x: x - leftmost, y: y - top, width: w, height: h, item }];
    }),
  );
  const edges = links.map((link) => {
    const bends = (graph.edge(link.source, link.target) as { points?: Point[] }).points ?? [];
    const points = bends.slice(1, -1).map(({ x, y }) => ({ x: x - leftmost, y: up * y - top }));
    const from = boxes.get(link.source);
    const to = boxes.get(link.target);
    const first = from
      ? { x: from.x + from.width, y: from.y + from.item.exit }
      : { x: 0, y: height / 2 };
    const last = to ? { x: to.x, y: to.y + to.item.entry } : { x: width, y: height / 2 };
    const between = points.filter(({ x }) => x > first.x + 4 && x < last.x - 4);
    return {
      link,
      arrow: to !== undefined,
      shape: 'smooth' as const,
      points: [first, ...straighten(between, first, last), last],
    };
  });
  return {
    width,
    height,
    entry: height / 2,
    exit: height / 2,
    branches: true,
    items: [...boxes.values()],
    edges,
  };
}

/** Drops the bends of an edge that joins neighbouring ranks: a single curve is calmer. */
function straighten(bends: readonly Point[], first: Point, last: Point): readonly Point[] {
  return last.x - first.x <= RANK_GAP * 1.5 || bends.length < 2 ? [] : bends;
}
