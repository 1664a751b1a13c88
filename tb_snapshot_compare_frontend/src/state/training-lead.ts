/** Scalars may begin before anything else was recorded: the time axis begins with them. */
import type { Curve } from '../client/types';

/** What was recorded keeps so much of the axis. */
const RECORDED_SHARE = 0.5;
const COLUMNS_MOST = 200;

/**
 * Steps before the first that was recorded, from where losses and accuracies begin: as far apart as
 * the first two of the log. None for less than a column, and where these would take more than half
 * of the axis.
 */
export function leadSteps(
  recorded: readonly number[],
  curves: readonly Pick<Curve, 'kind' | 'axis' | 'x'>[],
  axis: string,
): readonly number[] {
  const [first, second] = recorded;
  const last = recorded.at(-1);
  if (first === undefined || second === undefined || last === undefined) return [];
  const begin = Math.min(
    first,
    ...curves.flatMap((curve) =>
      curve.kind !== 'other' && curve.axis === axis ? curve.x.slice(0, 1) : [],
    ),
  );
  const lead = first - begin;
  if (lead < second - first || last - first < RECORDED_SHARE * (last - begin)) return [];
  const apart = Math.max(second - first, lead / COLUMNS_MOST);
  const count = Math.ceil(lead / apart);
  return Array.from({ length: count }, (_, at) => {
    return at === 0 ? begin : Math.round(first - (count - at) * apart);
  });
}
