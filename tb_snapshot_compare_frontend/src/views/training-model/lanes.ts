/** Which scalars of a run are its loss and its error, over the steps of its log. */
import type { Curve, Snapshot, Training } from '../../client/types';

export type Role = 'train' | 'validation';
export type LaneKind = 'loss' | 'error';

export interface LaneCurve {
  readonly role: Role;
  readonly label: string;
  /** Whether it is of the run beside the one on show. */
  readonly beside?: boolean;
  /** Steps of the log, ascending. */
  readonly x: readonly number[];
  readonly y: readonly (number | null)[];
}

export interface Lane {
  readonly kind: LaneKind;
  readonly curves: readonly LaneCurve[];
}

const CURVES_MOST = 6;
const VALIDATION = /(^|[/_-])(val|valid|validation|test|eval|evaluation)([/_-]|$)/i;
const ERROR = /(^|[/_-])(err|error|error_rate)$/i;

type Axis = Training['axis'];
type Placed = Pick<Snapshot, 'step' | 'epoch'>;

/** From what a curve counts to what the log counts; null where nobody knows. */
export function placing(
  from: Curve['axis'],
  to: Axis,
  snapshots: readonly Placed[],
): ((x: number) => number) | null {
  if (from === to) return (x) => x;
  if (to === 'save') return null;
  const known = new Map<number, number>();
  for (const snapshot of snapshots) {
    const [x, y] = [snapshot[from], snapshot[to]];
    if (x !== null && y !== null) known.set(x, y);
  }
  const pairs = [...known].sort(([one], [other]) => one - other);
  return pairs.length < 2 ? null : (x) => interpolated(pairs, x);
}

/** Lanes with something to draw: loss, then error. */
export function lanesOf(
  curves: readonly Curve[],
  axis: Axis,
  snapshots: readonly Placed[],
): readonly Lane[] {
  return [
    laneOf(
      'loss',
      curves.filter(({ kind }) => kind === 'loss'),
      axis,
      snapshots,
    ),
    laneOf('error', errorsOf(curves), axis, snapshots),
  ].filter((lane) => lane.curves.length > 0);
}

/** Where no validation error was logged, that of the probe images. */
export function withPasses(
  lanes: readonly Lane[],
  passes: readonly number[],
  modelError: Float32Array | null,
): readonly Lane[] {
  if (modelError === null || modelError.length === 0 || modelError.length !== passes.length) {
    return lanes;
  }
  const known = lanes.find(({ kind }) => kind === 'error');
  if (known?.curves.some(({ role }) => role === 'validation')) return lanes;
  // What is not known, or not yet, is no value that is not finite.
  const seen = [...modelError.keys()].filter((pass) => !Number.isNaN(modelError[pass]));
  if (seen.length === 0) return lanes;
  const probed: LaneCurve = {
    role: 'validation',
    label: 'probe images',
    x: seen.map((pass) => passes[pass] as number),
    y: seen.map((pass) => modelError[pass] as number),
  };
  const error: Lane = { kind: 'error', curves: [...(known?.curves ?? []), probed] };
  return [...lanes.filter(({ kind }) => kind !== 'error'), error];
}

/** Error as it was logged, else what accuracy leaves. */
function errorsOf(curves: readonly Curve[]): readonly Curve[] {
  const logged = curves.filter(({ kind, tag }) => kind === 'other' && ERROR.test(tag));
  if (logged.length > 0) return logged;
  return curves
    .filter(({ kind }) => kind === 'accuracy')
    .map((curve) => ({ ...curve, y: curve.y.map((value) => (value === null ? null : 1 - value)) }));
}

/** For each role the curves that lie on the log's own axis, of the shortest tag. */
function laneOf(
  kind: LaneKind,
  curves: readonly Curve[],
  axis: Axis,
  snapshots: readonly Placed[],
): Lane {
  const placed = curves.filter(
    (curve) => curve.x.length > 0 && placing(curve.axis, axis, snapshots) !== null,
  );
  const chosen = (['train', 'validation'] as const).flatMap((role) => {
    const ofRole = placed.filter((curve) => roleOf(curve) === role);
    const direct = ofRole.filter((curve) => curve.axis === axis);
    const able = direct.length > 0 ? direct : ofRole;
    const tag = able.map((curve) => curve.tag).sort(byLength)[0];
    return able.filter((curve) => curve.tag === tag).map((curve) => ({ role, curve }));
  });
  return {
    kind,
    curves: chosen.slice(0, CURVES_MOST).map(({ role, curve }) => {
      const alone = chosen.filter((other) => other.role === role).length === 1;
      const place = placing(curve.axis, axis, snapshots) as (x: number) => number;
      return {
        role,
        label: alone ? role : `${role} · ${curve.run}`,
        x: curve.axis === axis ? curve.x : curve.x.map(place),
        y: curve.y,
      };
    }),
  };
}

function roleOf({ run, tag }: Curve): Role {
  const own = run.split('/').at(-1) ?? '';
  return VALIDATION.test(own) || VALIDATION.test(tag) ? 'validation' : 'train';
}

function byLength(one: string, other: string): number {
  return one.length - other.length || one.localeCompare(other);
}

/** Goes on beyond both ends as it went there. */
function interpolated(pairs: readonly (readonly [number, number])[], x: number): number {
  let at = pairs.findIndex(([place]) => place >= x);
  if (at < 0) at = pairs.length - 1;
  at = Math.max(1, at);
  const [[x0, y0], [x1, y1]] = [pairs[at - 1], pairs[at]] as [[number, number], [number, number]];
  return y0 + ((x - x0) / (x1 - x0)) * (y1 - y0);
}
