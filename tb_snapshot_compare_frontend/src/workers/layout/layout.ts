/**
 * The drawing's layout. Opened frames are laid out like drawings of their own and take their
 * place as boxes in the level above, so nothing overlaps and edges cross a frame at its sides only.
 */
import type { Item } from './cell';
import { IN, type LevelEdge, OUT, type PlacedLevel, placeLevel } from './level';
import { pathOf } from './route';
import {
  type FrameSpec,
  LARGEST_SCALE,
  type LayoutInput,
  type LayoutResult,
  LEAST_SCALE,
  type Link,
  type PlacedBox,
  type Point,
  type RoutedEdge,
  type Size,
} from './types';

const FRAME_TITLE = 26;
const FRAME_PAD = 14;
/** Row widths to try, relative to the room: a wider drawing is scaled down to fit it, */
const WIDER = [1.08, 1.18, 1.3, 1.4];
/** a narrower one has more rows and is scaled up. */
const NARROWER = [0.86, 0.75, 0.66, 0.58];

interface LevelLinks {
  readonly links: Link[];
  /** Boxes at the far ends of the level's links: by item, where data comes from and goes to. */
  readonly from: Map<string, Set<string>>;
  readonly to: Map<string, Set<string>>;
}

const noLinks = (): LevelLinks => ({ links: [], from: new Map(), to: new Map() });
const linkKey = (source: string, target: string): string => `${source}\n${target}`;

class Drawing {
  private readonly parents: ReadonlyMap<string, string | null>;
  private readonly levels = new Map<string | null, LevelLinks>();
  private readonly boxes: PlacedBox[] = [];
  private readonly frames: PlacedBox[] = [];
  private readonly edges: RoutedEdge[] = [];
  private readonly inner = new Map<string, PlacedLevel>();

  constructor(
    private readonly input: LayoutInput,
    private readonly room: number,
  ) {
    this.parents = new Map([...input.boxes, ...input.frames].map(({ id, parent }) => [id, parent]));
    for (const link of input.links) this.lift(link);
  }

  /** The node and the frames around it, innermost first, then null for the drawing itself. */
  private lineage(id: string): (string | null)[] {
    const line: (string | null)[] = [id];
    for (let at = this.parents.get(id); at != null; at = this.parents.get(at)) line.push(at);
    return [...line, null];
  }

  /** Registers a link between boxes in every level that it crosses. */
  private lift({ source, target }: Link): void {
    const up = this.lineage(source);
    const down = this.lineage(target);
    for (const level of new Set([...up.slice(1), ...down.slice(1)])) {
      const from = up.includes(level) ? (up[up.indexOf(level) - 1] as string) : IN;
      const to = down.includes(level) ? (down[down.indexOf(level) - 1] as string) : OUT;
      if (from === to) continue;
      const entry = this.levels.get(level) ?? noLinks();
      this.levels.set(level, entry);
      entry.links.push({ source: from, target: to });
      const key = linkKey(from, to);
      if (!entry.from.has(key)) entry.from.set(key, new Set());
      if (!entry.to.has(key)) entry.to.set(key, new Set());
      entry.from.get(key)?.add(source);
      entry.to.get(key)?.add(target);
    }
  }

  private place(level: string | null, room: number): PlacedLevel {
    const links = this.levels.get(level)?.links ?? [];
    const port = (id: string): Item => ({ id, width: 0, height: 0, entry: 0, exit: 0 });
    const items: Item[] = [];
    if (links.some((link) => link.source === IN)) items.push(port(IN));
    for (const entry of this.children(level)) {
      items.push('titleWidth' in entry ? this.frameItem(entry, room) : boxItem(entry));
    }
    if (links.some((link) => link.target === OUT)) items.push(port(OUT));
    return placeLevel(items, links, room);
  }

  /** Boxes and frames of a level, a frame at the place of its first box. */
  private children(level: string | null): (LayoutInput['boxes'][number] | FrameSpec)[] {
    const frames = new Map(this.input.frames.map((frame) => [frame.id, frame]));
    const seen = new Set<string>();
    const result: (LayoutInput['boxes'][number] | FrameSpec)[] = [];
    for (const box of this.input.boxes) {
      const line = this.lineage(box.id);
      const at = line.indexOf(level);
      const child = line[at - 1];
      if (at < 1 || child == null || seen.has(child)) continue;
      seen.add(child);
      result.push(child === box.id ? box : (frames.get(child) as FrameSpec));
    }
    return result;
  }

  private frameItem(frame: FrameSpec, room: number): Item {
    const level = this.place(frame.id, Math.max(160, room - 2 * FRAME_PAD));
    this.inner.set(frame.id, level);
    return {
      id: frame.id,
      width: Math.max(level.width, frame.titleWidth) + 2 * FRAME_PAD,
      height: level.height + FRAME_TITLE + FRAME_PAD,
      entry: FRAME_TITLE + level.entry,
      exit: FRAME_TITLE + level.exit,
    };
  }

  private commit(name: string | null, level: PlacedLevel, offset: Point, extent: Size): void {
    for (const { item, x, y, width, height } of level.items) {
      const box = { id: item.id, x: x + offset.x, y: y + offset.y, width, height };
      const inner = this.inner.get(item.id);
      if (!inner) {
        this.boxes.push(box);
        continue;
      }
      this.frames.push(box);
      const origin = { x: box.x + FRAME_PAD, y: box.y + FRAME_TITLE };
      this.commit(item.id, inner, origin, { width: box.width - 2 * FRAME_PAD, height: box.height });
    }
    for (const edge of level.edges) this.edges.push(this.routed(name, edge, offset, extent));
  }

  private routed(name: string | null, edge: LevelEdge, offset: Point, extent: Size): RoutedEdge {
    const borderX = (x: number): number =>
      x < 0 ? offset.x - FRAME_PAD : offset.x + extent.width + FRAME_PAD;
    const points = edge.points.map(({ x, y }) => ({
      x: Number.isFinite(x) ? x + offset.x : borderX(x),
      y: y + offset.y,
    }));
    const { from, to } = this.levels.get(name) ?? noLinks();
    const sources = new Set<string>();
    const targets = new Set<string>();
    for (const source of edge.sources)
      for (const target of edge.targets) {
        const key = linkKey(source, target);
        for (const id of from.get(key) ?? []) sources.add(id);
        for (const id of to.get(key) ?? []) targets.add(id);
      }
    return {
      kind: edge.kind,
      sources: [...sources],
      targets: [...targets],
      path: pathOf({ shape: edge.shape, points }),
      arrow: edge.arrow && !edge.targets.every((target) => this.inner.has(target)),
      quiet: edge.quiet,
    };
  }

  draw(): LayoutResult {
    const level = this.place(null, this.room);
    this.commit(null, level, { x: 0, y: 0 }, level);
    const { width, height, rows } = level;
    return { width, height, rows, boxes: this.boxes, frames: this.frames, edges: this.edges };
  }
}

function boxItem({ id, width, height }: LayoutInput['boxes'][number]): Item {
  return { id, width, height, entry: height / 2, exit: height / 2 };
}

/** The scale at which a drawing fits its room. */
function fittedScale(drawing: Size, room: Size): number {
  return Math.min(LARGEST_SCALE, room.width / drawing.width, room.height / drawing.height);
}

/**
 * Lays the network out in rows, as wide as makes the drawing largest in the room it has; as wide as
 * the room where no drawing can be read as a whole.
 */
export function layoutNetwork(input: LayoutInput): LayoutResult {
  const { room } = input;
  const draw = (stretch: number) => new Drawing(input, room.width * stretch).draw();
  const natural = draw(1);
  let best = natural;
  const rest = fittedScale(best, room) < 1 ? WIDER : NARROWER;
  for (const stretch of best.rows > 1 || rest === NARROWER ? rest : []) {
    const drawing = draw(stretch);
    if (fittedScale(drawing, room) > fittedScale(best, room) * 1.02) best = drawing;
    if (drawing.rows <= 1 && rest === WIDER) break;
  }
  return fittedScale(best, room) < LEAST_SCALE ? natural : best;
}
