/** Moving through the drawing by arrow keys: along the edges, and to what lies above and below. */
import type { LayoutResult, Link, Rect } from '../../workers/layout/types';
import { type Face, FOOT_HEIGHT, hasWeights } from './faces';

export type Direction = 'left' | 'right' | 'up' | 'down';

/** Something that can have the focus: a box, a folded layer with weights, an opened group's title. */
export interface Target extends Rect {
  /** Unique among targets. */
  readonly key: string;
  readonly kind: 'box' | 'foot' | 'frame';
  /** Name of the layer or group. */
  readonly name: string;
  /** The box that it belongs to; the frame itself for a title. */
  readonly box: string;
}

export const boxKey = (id: string): string => `box:${id}`;
export const footKey = (layer: string): string => `foot:${layer}`;
export const frameKey = (group: string): string => `frame:${group}`;
const TITLE_BAR = 24;

export function targetsOf(layout: LayoutResult, faces: ReadonlyMap<string, Face>): Target[] {
  const boxes = layout.boxes.flatMap((box): Target[] => {
    const face = faces.get(box.id);
    if (!face) return [];
    const own: Target = {
      ...box,
      height: face.bodyHeight,
      key: boxKey(box.id),
      kind: 'box',
      name: box.id,
      box: box.id,
    };
    const feet = face.foot
      .filter((part) => hasWeights(part.layer))
      .map(
        (part): Target => ({
          x: box.x + part.x,
          y: box.y + face.bodyHeight,
          width: part.width,
          height: FOOT_HEIGHT,
          key: footKey(part.layer.name),
          kind: 'foot',
          name: part.layer.name,
          box: box.id,
        }),
      );
    return [own, ...feet];
  });
  const frames = layout.frames.map(
    (frame): Target => ({
      x: frame.x,
      y: frame.y,
      width: frame.width,
      height: TITLE_BAR,
      key: frameKey(frame.id),
      kind: 'frame',
      name: frame.id,
      box: frame.id,
    }),
  );
  return [...boxes, ...frames];
}

const centre = (target: Rect): { x: number; y: number } => ({
  x: target.x + target.width / 2,
  y: target.y + target.height / 2,
});

/** The nearest target in a direction; what lies straight ahead counts as nearer. */
function nearest(from: Target, targets: readonly Target[], direction: Direction): Target | null {
  const start = centre(from);
  let best: Target | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (const target of targets) {
    const { x, y } = centre(target);
    const [dx, dy] = [x - start.x, y - start.y];
    const sideways = direction === 'left' || direction === 'right' ? Math.abs(dy) : Math.abs(dx);
    const ahead = { left: -dx, right: dx, up: -dy, down: dy }[direction];
    if (target.key === from.key || ahead <= 2) continue;
    const cost = ahead + 2.5 * sideways;
    if (cost < least) [best, least] = [target, cost];
  }
  return best;
}

function along(
  from: Target,
  targets: readonly Target[],
  links: readonly Link[],
  forward: boolean,
): Target | null {
  const ends = new Set(
    links
      .filter((link) => (forward ? link.source : link.target) === from.box)
      .map((link) => (forward ? link.target : link.source)),
  );
  const start = centre(from);
  const distance = (target: Target): number => {
    const { x, y } = centre(target);
    return Math.hypot(x - start.x, 2 * (y - start.y));
  };
  const reached = targets.filter((target) => target.kind === 'box' && ends.has(target.box));
  return reached.sort((left, right) => distance(left) - distance(right))[0] ?? null;
}

/** Where an arrow key leads from a target; null at the edge of the drawing. */
export function step(
  from: Target,
  direction: Direction,
  targets: readonly Target[],
  links: readonly Link[],
): Target | null {
  if (direction === 'up' || direction === 'down') return nearest(from, targets, direction);
  return along(from, targets, links, direction === 'right') ?? nearest(from, targets, direction);
}
