/** What the timeline shows, without how: positions, lanes and neighbours. */
import { extent } from 'd3-array';
import type { Curve, Curves, Snapshot } from '../../client/types';
import type { Axis } from '../../state/selection';

export type Role = 'train' | 'validation';
export type LaneKind = 'loss' | 'accuracy';

export interface LaneCurve {
  readonly role: Role;
  /** Tells it from the others of its lane: the role, with the event run where that is not enough. */
  readonly label: string;
  readonly curve: Curve;
}

export interface Lane {
  readonly kind: LaneKind;
  readonly curves: readonly LaneCurve[];
}

/**
 * How a snapshot stands: `replaced` was written anew while it was chosen, `gone` was deleted and is
 * chosen still.
 */
export type MarkState = Snapshot['state'] | 'replaced' | 'gone';

/** A snapshot that has a place on the axis. */
export interface Mark {
  readonly snapshot: Snapshot;
  readonly position: number;
  readonly state: MarkState;
}

export const STATE_WORDS: Readonly<Record<MarkState, string>> = {
  ready: 'ready',
  being_written: 'being written',
  broken: 'broken',
  replaced: 'replaced',
  gone: 'deleted',
};

const AXES: readonly Axis[] = ['epoch', 'step', 'time'];
const LANES: readonly LaneKind[] = ['loss', 'accuracy'];
const CURVES_PER_LANE = 6;
const VALIDATION = /(^|[/_-])(val|valid|validation|test|eval|evaluation)([/_-]|$)/i;

export function positionOn(axis: Axis, snapshot: Snapshot): number | null {
  return axis === 'time' ? snapshot.modified : snapshot[axis];
}

/** The axes on which at least one snapshot has a place. */
export function knownAxes(snapshots: readonly Snapshot[]): readonly Axis[] {
  return AXES.filter((axis) => snapshots.some((entry) => positionOn(axis, entry) !== null));
}

/** The wanted axis where it is known, else the one that places most snapshots. */
export function chooseAxis(wanted: Axis | null, snapshots: readonly Snapshot[]): Axis {
  const known = knownAxes(snapshots);
  if (wanted && known.includes(wanted)) return wanted;
  const placed = (axis: Axis) =>
    snapshots.filter((entry) => positionOn(axis, entry) !== null).length;
  const most = Math.max(...known.map(placed));
  return known.find((axis) => placed(axis) === most) ?? 'time';
}

/**
 * Snapshots in the order of the axis; those without a place are left out. `gone` are chosen ones
 * that were deleted, `replaced` the ids of those that were written anew.
 */
export function marksOn(
  axis: Axis,
  snapshots: readonly Snapshot[],
  gone: readonly Snapshot[] = [],
  replaced: ReadonlySet<string> = new Set(),
): readonly Mark[] {
  const stateOf = (snapshot: Snapshot): MarkState => {
    if (gone.includes(snapshot)) return 'gone';
    return snapshot.state === 'ready' && replaced.has(snapshot.id) ? 'replaced' : snapshot.state;
  };
  return [...snapshots, ...gone]
    .map((snapshot) => ({
      snapshot,
      position: positionOn(axis, snapshot),
      state: stateOf(snapshot),
    }))
    .filter((mark): mark is Mark => mark.position !== null)
    .sort((x, y) => x.position - y.position);
}

/** The chosen snapshots of the run that are not listed any more. */
export function ghostsOf(
  run: string | undefined,
  snapshots: readonly Snapshot[],
  chosen: readonly Snapshot[],
): readonly Snapshot[] {
  const listed = new Set(snapshots.map(({ id }) => id));
  return chosen.filter((snapshot) => snapshot.run === run && !listed.has(snapshot.id));
}

/** Loss and accuracy on this axis: of several tags of a kind, the shortest (`epoch_loss`). */
export function lanesOn(axis: Axis, curves: Curves | null): readonly Lane[] {
  const fitting = (curves?.curves ?? []).filter(
    (curve) => curve.axis === axis && curve.x.length > 0,
  );
  return LANES.map((kind) => laneOf(kind, fitting)).filter((lane) => lane.curves.length > 0);
}

/** Why there are no curves though some were logged, or null. */
export function missingCurvesNote(axis: Axis, curves: Curves | null): string | null {
  if (!curves) return null;
  const usable = curves.curves.filter((curve) => curve.kind !== 'other' && curve.x.length > 0);
  if (usable.length === 0) return 'No loss or accuracy was logged for this run.';
  if (usable.some((curve) => curve.axis === axis)) return null;
  const logged = [...new Set(usable.map((curve) => `${curve.axis}s`))].join(' and ');
  return `Loss and accuracy were logged over ${logged}: choose that axis to see them.`;
}

/** From the first to the last of what is drawn; a single place gets room on both sides. */
export function domainOf(
  marks: readonly Mark[],
  lanes: readonly Lane[],
  more: readonly number[] = [],
): [number, number] {
  const ends = lanes.flatMap((lane) => lane.curves.flatMap(({ curve }) => extent(curve.x)));
  const places = [...marks.map((mark) => mark.position), ...ends, ...more];
  const [first, last] = extent(places.filter((place) => place !== undefined));
  if (first === undefined || last === undefined) return [0, 1];
  return first === last ? [first - 0.5, last + 0.5] : [first, last];
}

export function nearestMark(marks: readonly Mark[], position: number): Mark | null {
  let best: Mark | null = null;
  for (const mark of marks) {
    const closer = !best || distance(mark, position) < distance(best, position);
    if (closer) best = mark;
  }
  return best;
}

/** The logged point of the curve nearest to `position`, if it is near enough and finite. */
export function pointNear(
  curve: Curve,
  position: number,
  reach: number,
): { readonly x: number; readonly y: number } | null {
  let best = -1;
  for (let index = 0; index < curve.x.length; index += 1) {
    const away = Math.abs((curve.x[index] as number) - position);
    if (away <= reach && (best < 0 || away < Math.abs((curve.x[best] as number) - position))) {
      best = index;
    }
  }
  const [x, y] = [curve.x[best], curve.y[best]];
  return x === undefined || y === undefined || y === null ? null : { x, y };
}

function laneOf(kind: LaneKind, curves: readonly Curve[]): Lane {
  const ofKind = curves.filter((curve) => curve.kind === kind);
  const chosen = (['train', 'validation'] as const).flatMap((role) => {
    const ofRole = ofKind.filter((curve) => roleOf(curve) === role);
    const tag = shortest(ofRole.map((curve) => curve.tag));
    return ofRole.filter((curve) => curve.tag === tag).map((curve) => ({ role, curve }));
  });
  return {
    kind,
    curves: chosen.slice(0, CURVES_PER_LANE).map(({ role, curve }) => {
      const alone = chosen.filter((other) => other.role === role).length === 1;
      return { role, curve, label: alone ? role : `${role} · ${curve.run}` };
    }),
  };
}

function roleOf({ run, tag }: Curve): Role {
  return VALIDATION.test(run.split('/').at(-1) ?? '') || VALIDATION.test(tag)
    ? 'validation'
    : 'train';
}

function shortest(tags: readonly string[]): string | undefined {
  return [...tags].sort((x, y) => x.length - y.length || x.localeCompare(y))[0];
}

function distance(mark: Mark, position: number): number {
  return Math.abs(mark.position - position);
}
