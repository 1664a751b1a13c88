/** The drawn network beside the tree: a rectangle for each layer, branches beside it, skips around it. */
import { short } from '../../render/svg-document';
import type { GraphLink, GraphNode, NetworkGraph } from './network-graph';
import { lanesOf } from './network-lanes';
import type { LayerMark } from './tree';

export interface StripLayer extends LayerMark {
  readonly left: number;
  readonly width: number;
}

export interface StripJoin {
  readonly id: string;
  readonly kind: string;
  readonly x: number;
  readonly y: number;
  readonly radius: number;
}

export interface StripLink {
  readonly source: string;
  readonly target: string;
  /** Of a drawing. */
  readonly d: string;
}

export interface Strip {
  readonly layers: readonly StripLayer[];
  readonly joins: readonly StripJoin[];
  readonly links: readonly StripLink[];
}

/** Skips run left of the layers. */
const LEFT = 14;
const RIGHT = 35;
const WIDTH_MOST = 10;
const LANE_GAP = 3;
const SKIP_GAP = 4;
const TRACK_GAP = 3;
const TRACKS = 3;
const BEND = 6;
const RADIUS_MOST = 2.2;
const RADIUS_LEAST = 1.2;

/** Without a graph the layers stand below each other, without links. */
export function layOutStrip(
  graph: NetworkGraph | null,
  layers: readonly LayerMark[],
  pitch: number,
): Strip {
  if (graph === null) {
    const { left, width } = laneBox(0, 1);
    return { layers: layers.map((mark) => ({ ...mark, left, width })), joins: [], links: [] };
  }
  const lanes = lanesOf(graph);
  const count = 1 + Math.max(0, ...lanes.values());
  const boxOf = (node: GraphNode) => laneBox(lanes.get(node) ?? 0, count);
  const marks = new Map(layers.map((mark) => [mark.path, mark]));
  const yOf = ({ place }: GraphNode) => (place + 0.5) * pitch;
  const xOf = (node: GraphNode) => boxOf(node).left + boxOf(node).width / 2;
  const radius = Math.max(RADIUS_LEAST, Math.min(RADIUS_MOST, pitch / 3));
  return {
    layers: graph.nodes.flatMap((node) => {
      const mark = marks.get(node.id);
      return mark && !node.joins ? [{ ...mark, ...boxOf(node) }] : [];
    }),
    joins: graph.nodes
      .filter(({ joins }) => joins)
      .map((node) => ({ id: node.id, kind: node.kind, x: xOf(node), y: yOf(node), radius })),
    links: linkPaths(graph, lanes, { boxOf, xOf, yOf }),
  };
}

interface Box {
  readonly left: number;
  readonly width: number;
}

/** Lanes share the room between skips and bars. */
function laneBox(lane: number, lanes: number): Box {
  const gap = lanes > 3 ? 1 : LANE_GAP;
  const room = (RIGHT - LEFT - gap * (lanes - 1)) / lanes;
  const width = Math.max(1, Math.min(WIDTH_MOST, room));
  const step = Math.min(width + gap, (RIGHT - LEFT - width) / Math.max(1, lanes - 1));
  return { left: LEFT + lane * step, width };
}

interface Places {
  readonly boxOf: (node: GraphNode) => Box;
  readonly xOf: (node: GraphNode) => number;
  readonly yOf: (node: GraphNode) => number;
}

function linkPaths(
  { nodes, links }: NetworkGraph,
  lanes: ReadonlyMap<GraphNode, number>,
  places: Places,
): readonly StripLink[] {
  const next = nextInLane(nodes, lanes);
  const skips = links.filter(
    ({ source, target }) => lanes.get(source) === lanes.get(target) && next.get(source) !== target,
  );
  const tracks = tracksOf(skips);
  return links.map((link) => {
    const { source, target } = link;
    const track = tracks.get(link);
    const d =
      track === undefined
        ? directPath(link, lanes, places)
        : skipPath(link, lanes.get(source) === 0 ? track : 0, places);
    return { source: source.id, target: target.id, d };
  });
}

function nextInLane(
  nodes: readonly GraphNode[],
  lanes: ReadonlyMap<GraphNode, number>,
): ReadonlyMap<GraphNode, GraphNode> {
  const next = new Map<GraphNode, GraphNode>();
  const last = new Map<number | undefined, GraphNode>();
  for (const node of nodes) {
    const lane = lanes.get(node);
    const before = last.get(lane);
    if (before) next.set(before, node);
    last.set(lane, node);
  }
  return next;
}

/** The shorter of two skips side by side runs nearer to the layers. */
function tracksOf(skips: readonly GraphLink[]): ReadonlyMap<GraphLink, number> {
  const reach = ({ source, target }: GraphLink) => target.place - source.place;
  const tracks = new Map<GraphLink, number>();
  for (const skip of [...skips].sort((one, other) => reach(one) - reach(other))) {
    const beside = [...tracks]
      .filter(([{ source, target }]) => {
        return source.place < skip.target.place && skip.source.place < target.place;
      })
      .map(([, track]) => track + 1);
    tracks.set(skip, Math.min(TRACKS - 1, Math.max(0, ...beside)));
  }
  return tracks;
}

/** Straight down a lane; into and out of a branch at its ends. */
function directPath(
  { source, target }: GraphLink,
  lanes: ReadonlyMap<GraphNode, number>,
  { xOf, yOf }: Places,
): string {
  const [x0, x1] = [short(xOf(source)), short(xOf(target))];
  const [y0, y1] = [yOf(source), yOf(target)];
  const bend = Math.sign(y1 - y0) * Math.min(BEND, Math.abs(y1 - y0) / 2);
  const leaves = (lanes.get(source) ?? 0) < (lanes.get(target) ?? 0);
  if (x0 === x1) return `M${x0} ${short(y0)}V${short(y1)}`;
  return leaves
    ? `M${x0} ${short(y0)}Q${x1} ${short(y0)} ${x1} ${short(y0 + bend)}V${short(y1)}`
    : `M${x0} ${short(y0)}V${short(y1 - bend)}Q${x0} ${short(y1)} ${x1} ${short(y1)}`;
}

function skipPath(
  { source, target }: GraphLink,
  track: number,
  { boxOf, xOf, yOf }: Places,
): string {
  const [x0, x1] = [short(xOf(source)), short(xOf(target))];
  const [y0, y1] = [yOf(source), yOf(target)];
  const side = short(boxOf(source).left - SKIP_GAP - TRACK_GAP * track);
  const bend = Math.sign(y1 - y0) * Math.min(BEND, Math.abs(y1 - y0) / 2);
  const [top, end] = [short(y0), short(y1)];
  return `M${x0} ${top}Q${side} ${top} ${side} ${short(y0 + bend)}V${short(y1 - bend)}Q${side} ${end} ${x1} ${end}`;
}
