/** The curves of the run beside the one on show, in the lanes of this one. */
import { computed } from '@preact/signals';
import { latest } from '../../state/resources';
import { runs } from '../../state/snapshots';
import { otherLog } from '../../state/training';
import { otherClasses, otherCurves } from '../../state/training-other';
import { shortTitles } from '../../state/training-pair';
import { type Lane, type LaneCurve, type LaneKind, lanesOf, type Role, withPasses } from './lanes';

export const isPaired = computed(() => otherLog.value !== null);

export const otherRates = computed(() => otherLog.value?.rates ?? []);

export const otherLanes = computed<readonly Lane[]>(() => {
  const known = otherLog.value;
  const curves = latest(otherCurves.value);
  if (known === null) return [];
  const own = curves?.run === known.run ? curves.curves : [];
  const listed = runs.value.find(({ name }) => name === known.run);
  const logged = lanesOf(own, known.axis, listed?.snapshots ?? []);
  return withPasses(logged, known.passes, latest(otherClasses.value)?.modelError ?? null);
});

const KINDS: readonly LaneKind[] = ['loss', 'error'];
const ROLES: readonly Role[] = ['train', 'validation'];

/** Each lane with the curves of both, those of a role one after the other. */
export function joinedLanes(
  own: readonly Lane[],
  others: readonly Lane[],
  name: string,
): readonly Lane[] {
  if (others.length === 0) return own;
  return KINDS.flatMap((kind) => {
    const curvesIn = (lanes: readonly Lane[]) =>
      lanes.find((lane) => lane.kind === kind)?.curves ?? [];
    const beside = curvesIn(others).map(
      (curve): LaneCurve => ({ ...curve, label: `${curve.label} · ${name}`, beside: true }),
    );
    const all = [...curvesIn(own), ...beside];
    const curves = ROLES.flatMap((role) => all.filter((curve) => curve.role === role));
    return curves.length > 0 ? [{ kind, curves }] : [];
  });
}

export function withOther(own: readonly Lane[]): readonly Lane[] {
  return joinedLanes(own, otherLanes.value, shortTitles.value.other);
}
