/** One level of the drawing: the boxes and opened frames that lie directly in the same frame. */
import type { Cell, Item, PlacedItem } from './cell';
import { analyse, type Dag } from './dag';
import { type PlacedCell, type Row, rowsOf } from './level-rows';
import { assignLanes, type Polyline } from './route';
import type { EdgeKind, Link, Point, Size } from './types';

/** Where the edges of an opened frame cross its border; no layer has such a name. */
export const IN = '\u0000in';
export const OUT = '\u0000out';

export interface LevelEdge extends Polyline {
  readonly kind: EdgeKind;
  /** Items of the level, or IN and OUT. */
  readonly sources: readonly string[];
  readonly targets: readonly string[];
  readonly arrow: boolean;
  readonly quiet: boolean;
}

export interface PlacedLevel extends Size {
  readonly items: readonly PlacedItem[];
  readonly edges: readonly LevelEdge[];
  readonly rows: number;
  /** Heights of IN and OUT. */
  readonly entry: number;
  readonly exit: number;
}

interface Skip extends Link {
  readonly fromRow: number;
  readonly toRow: number;
  readonly start: Point;
  readonly end: Point;
  /** `top` edges leave and arrive at the upper border, others at the side. */
  readonly startsOnTop: boolean;
  readonly endsOnTop: boolean;
}

const ROW_GAP = 22;
const LANE = 9;
const RETURN_ROOM = 14;
const SIDE = 18;
/** More skip edges than these in one level hide one another. */
const SKIPS_SHOWN = 12;
const CROWDED_LANES = 2;
/** How far from the middle of a box its skip edges leave and arrive. */
const PORT = 14;

/** The nearest x to the right (1) or left (-1) of an item where no box of its cell stands. */
function clearColumn(box: PlacedItem, cell: Cell, direction: 1 | -1): number {
  let x = direction > 0 ? box.x + box.width + 10 : box.x - 10;
  for (let turn = 0; turn < cell.items.length; turn++) {
    const hit = cell.items.find((other) => x > other.x - 5 && x < other.x + other.width + 5);
    if (!hit) break;
    x = direction > 0 ? hit.x + hit.width + 10 : hit.x - 10;
  }
  return x;
}

function onTop(box: PlacedItem, cell: Cell): boolean {
  return cell.items.every(
    (other) => other.y >= box.y || other.x >= box.x + box.width || other.x + other.width <= box.x,
  );
}

class Level {
  private readonly where = new Map<string, { box: PlacedItem; in: PlacedCell }>();
  private readonly skips: readonly Skip[];
  private readonly lanes: readonly number[][];
  private readonly laneOf = new Map<Skip, { from: number; to: number; side: number }>();
  private readonly tops: number[] = [];
  private readonly crowded: boolean;
  private readonly width: number;
  private readonly height: number;
  private readonly margin: number;
  /** Where the lanes at the right begin. */
  private readonly innerSide: number;

  constructor(
    private readonly rows: readonly Row[],
    private readonly dag: Dag,
  ) {
    for (const row of rows)
      for (const placed of row.cells)
        for (const box of placed.cell.items) this.where.set(box.item.id, { box, in: placed });
    this.margin = rows.some((row) => row.continued) ? SIDE : 0;
    this.skips = [...dag.implied, ...dag.back].map((link) => this.skip(link));
    this.crowded = this.skips.length > SKIPS_SHOWN;
    this.lanes = this.assign();
    const right = Math.max(
      0,
      ...rows.map((row) => Math.max(...row.cells.map(({ x, cell }) => x + cell.width))),
    );
    const sides = this.sideLanes();
    this.innerSide = this.margin + right + SIDE;
    this.width = sides > 0 ? this.innerSide + sides * LANE : this.margin * 2 + right;
    this.height = this.stack();
  }

  private skip(link: Link): Skip {
    const from = this.where.get(link.source) as { box: PlacedItem; in: PlacedCell };
    const to = this.where.get(link.target) as { box: PlacedItem; in: PlacedCell };
    const startsOnTop = onTop(from.box, from.in.cell);
    const endsOnTop = onTop(to.box, to.in.cell);
    const port = (box: PlacedItem): number => Math.min(PORT, box.width / 4);
    const start = startsOnTop
      ? from.box.x + from.box.width / 2 + port(from.box)
      : clearColumn(from.box, from.in.cell, 1);
    const end = endsOnTop
      ? to.box.x + to.box.width / 2 - port(to.box)
      : clearColumn(to.box, to.in.cell, -1);
    return {
      ...link,
      fromRow: from.in.row,
      toRow: to.in.row,
      start: { x: from.in.x + start, y: from.box.y + (startsOnTop ? 0 : from.box.item.exit) },
      end: { x: to.in.x + end, y: to.box.y + (endsOnTop ? 0 : to.box.item.entry) },
      startsOnTop,
      endsOnTop,
    };
  }

  /** Gives each skip edge its lane above each row that it runs along. */
  private assign(): number[][] {
    const limit = this.crowded ? CROWDED_LANES : Number.POSITIVE_INFINITY;
    return this.rows.map((row, index) => {
      const end = Math.max(...row.cells.map(({ x, cell }) => x + cell.width)) + SIDE;
      const here = this.skips.filter((skip) => skip.fromRow === index || skip.toRow === index);
      const spans = here.map((skip) => {
        const xs = [
          skip.fromRow === index ? skip.start.x : end,
          skip.toRow === index ? skip.end.x : end,
        ];
        return { from: Math.min(...xs), to: Math.max(...xs) };
      });
      const lanes = assignLanes(spans, limit);
      here.forEach((skip, at) => {
        const known = this.laneOf.get(skip) ?? { from: 0, to: 0, side: 0 };
        const lane = lanes[at] ?? 0;
        this.laneOf.set(skip, {
          ...known,
          ...(skip.fromRow === index ? { from: lane } : {}),
          ...(skip.toRow === index ? { to: lane } : {}),
        });
      });
      return lanes;
    });
  }

  private sideLanes(): number {
    const lane = (skip: Skip): number => this.laneOf.get(skip)?.from ?? 0;
    const wide = this.skips
      .filter((skip) => skip.fromRow !== skip.toRow)
      .sort((left, right) => lane(left) - lane(right));
    const spans = wide.map(({ fromRow, toRow }) => ({
      from: Math.min(fromRow, toRow) * 100,
      to: Math.max(fromRow, toRow) * 100 - 10,
    }));
    const lanes = assignLanes(spans, this.crowded ? CROWDED_LANES : Number.POSITIVE_INFINITY);
    wide.forEach((skip, index) => {
      const known = this.laneOf.get(skip);
      if (known) this.laneOf.set(skip, { ...known, side: lanes[index] ?? 0 });
    });
    return lanes.length > 0 ? Math.max(...lanes) + 1 : 0;
  }

  private stack(): number {
    let y = 0;
    this.rows.forEach((row, index) => {
      if (index > 0) y += ROW_GAP + (row.continued ? RETURN_ROOM : 0);
      const lanes = this.lanes[index] ?? [];
      if (lanes.length > 0) y += (Math.max(...lanes) + 1) * LANE + 6;
      this.tops.push(y);
      y += row.ascent + row.descent;
    });
    return y;
  }

  private axis(row: number): number {
    return (this.tops[row] ?? 0) + (this.rows[row]?.ascent ?? 0);
  }

  private cellY({ row, cell }: PlacedCell): number {
    return this.axis(row) - cell.entry;
  }

  private laneY(row: number, lane: number): number {
    return (this.tops[row] ?? 0) - 8 - lane * LANE;
  }

  private cellEdges(): LevelEdge[] {
    return this.rows.flatMap((row) =>
      row.cells.flatMap((placed) =>
        placed.cell.edges.map(({ link, points, shape, arrow }) => {
          const { sources, targets } = this.ends(link, placed.cell);
          const shift = { x: this.margin + placed.x, y: this.cellY(placed) };
          return {
            kind: 'flow' as const,
            shape,
            arrow,
            quiet: false,
            sources,
            targets,
            points: points.map(({ x, y }) => ({ x: x + shift.x, y: y + shift.y })),
          };
        }),
      ),
    );
  }

  /** A branch that starts or ends at the cell's border belongs to the bottleneck beyond it. */
  private ends(link: Link, cell: Cell): { sources: string[]; targets: string[] } {
    const inside = (id: string): boolean => cell.items.some(({ item }) => item.id === id);
    return {
      sources: inside(link.source)
        ? [link.source]
        : this.dag.kept.filter((edge) => edge.target === link.target).map((edge) => edge.source),
      targets: inside(link.target)
        ? [link.target]
        : this.dag.kept.filter((edge) => edge.source === link.source).map((edge) => edge.target),
    };
  }

  private connectors(): LevelEdge[] {
    const sequence = this.rows.flatMap((row) => row.cells);
    return sequence.slice(1).flatMap((to, index) => {
      const from = sequence[index] as PlacedCell;
      const edge = this.connector(from, to);
      return edge ? [edge] : [];
    });
  }

  private connector(from: PlacedCell, to: PlacedCell): LevelEdge | null {
    const ids = ({ cell }: PlacedCell): Set<string> =>
      new Set(cell.items.map((box) => box.item.id));
    const [left, right] = [ids(from), ids(to)];
    const links = this.dag.kept.filter((link) => left.has(link.source) && right.has(link.target));
    if (links.length === 0) return null;
    const start = {
      x: this.margin + from.x + from.cell.width,
      y: this.cellY(from) + from.cell.exit,
    };
    const end = { x: this.margin + to.x, y: this.axis(to.row) };
    const common = {
      sources: [...new Set(links.map((link) => link.source))],
      targets: [...new Set(links.map((link) => link.target))],
      arrow: !to.cell.branches && !right.has(OUT),
      quiet: false,
    };
    if (from.row === to.row) {
      return { ...common, kind: 'flow', shape: 'smooth', points: [start, end] };
    }
    const from_ = this.rows[from.row] as Row;
    const y = this.axis(from.row) + from_.descent + RETURN_ROOM / 2 + 3;
    const [out, back] = [start.x + SIDE * 0.6, end.x - SIDE * 0.75];
    const corners = [
      { x: out, y: start.y },
      { x: out, y },
      { x: back, y },
      { x: back, y: end.y },
    ];
    return { ...common, kind: 'return', shape: 'square', points: [start, ...corners, end] };
  }

  private skipEdge(skip: Skip): LevelEdge {
    const lane = this.laneOf.get(skip) ?? { from: 0, to: 0, side: 0 };
    const at = (point: Point, id: string): Point => {
      const home = this.where.get(id) as { in: PlacedCell };
      return { x: this.margin + point.x, y: this.cellY(home.in) + point.y };
    };
    const start = at(skip.start, skip.source);
    const end = at(skip.end, skip.target);
    const box = (id: string): PlacedItem => (this.where.get(id) as { box: PlacedItem }).box;
    const cellX = (id: string): number => (this.where.get(id) as { in: PlacedCell }).in.x;
    const source = box(skip.source);
    const head: Point[] = skip.startsOnTop
      ? []
      : [{ x: this.margin + cellX(skip.source) + source.x + source.width, y: start.y }];
    const tail: Point[] = skip.endsOnTop
      ? []
      : [{ x: this.margin + cellX(skip.target) + box(skip.target).x, y: end.y }];
    const fromY = this.laneY(skip.fromRow, lane.from);
    const toY = this.laneY(skip.toRow, lane.to);
    const side = this.innerSide + LANE * lane.side;
    const middle =
      skip.fromRow === skip.toRow
        ? []
        : [
            { x: side, y: fromY },
            { x: side, y: toY },
          ];
    return {
      kind: 'skip',
      shape: 'square',
      sources: [skip.source],
      targets: [skip.target],
      arrow: skip.target !== OUT,
      quiet: this.crowded,
      points: [
        ...head,
        start,
        { x: start.x, y: fromY },
        ...middle,
        { x: end.x, y: toY },
        end,
        ...tail,
      ],
    };
  }

  place(): PlacedLevel {
    const items = [...this.where.values()].map(({ box, in: cell }) => ({
      ...box,
      x: this.margin + cell.x + box.x,
      y: this.cellY(cell) + box.y,
    }));
    const height = (id: string, fallback: number): number =>
      items.find(({ item }) => item.id === id)?.y ?? fallback;
    return {
      width: this.width,
      height: this.height,
      items: items.filter(({ item }) => item.id !== IN && item.id !== OUT),
      edges: [
        ...this.cellEdges(),
        ...this.connectors(),
        ...this.skips.map((skip) => this.skipEdge(skip)),
        ...this.stubs(items),
      ],
      rows: this.rows.length,
      entry: height(IN, this.axis(0)),
      exit: height(OUT, this.axis(this.rows.length - 1)),
    };
  }

  /** From the frame's left border to IN, and from OUT to its right one; its place is infinite. */
  private stubs(items: readonly PlacedItem[]): LevelEdge[] {
    return items.flatMap(({ item, x, y }) => {
      if (item.id !== IN && item.id !== OUT) return [];
      const border = item.id === IN ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
      const points = [
        { x, y },
        { x: border, y },
      ];
      const ends = (links: readonly Link[], end: 'source' | 'target'): string[] =>
        links.map((link) => link[end]);
      const touching = [...this.dag.kept, ...this.dag.implied].filter((link) =>
        item.id === IN ? link.source === IN : link.target === OUT,
      );
      return [
        {
          kind: 'flow' as const,
          shape: 'smooth' as const,
          arrow: false,
          quiet: false,
          points: item.id === IN ? points.reverse() : points,
          sources: item.id === IN ? [IN] : ends(touching, 'source'),
          targets: item.id === IN ? ends(touching, 'target') : [OUT],
        },
      ];
    });
  }
}

/** Lays out the `items` of one level, in topological order, in rows of at most `room`. */
export function placeLevel(
  items: readonly Item[],
  links: readonly Link[],
  room: number,
): PlacedLevel {
  const byId = new Map(items.map((item) => [item.id, item]));
  const dag = analyse(
    items.map((item) => item.id),
    links,
  );
  return new Level(rowsOf(dag, byId, room), dag).place();
}
