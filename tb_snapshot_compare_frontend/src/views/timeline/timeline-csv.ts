import type { Curves, Snapshot, Trend } from '../../client/types';
import type { CsvCell } from '../../render/csv';

/**
 * Snapshots, then the points of every curve, then every layer's change from the snapshot before to
 * the one at the epoch and step of the row, in one table.
 */
export function timelineRows(
  snapshots: readonly Snapshot[],
  curves: Curves | null,
  trend: Trend | null = null,
): CsvCell[][] {
  const header = ['what', 'name', 'epoch', 'step', 'modified_seconds', 'state', 'value'];
  const places = snapshots.map((snapshot): CsvCell[] => [
    'snapshot',
    snapshot.name,
    snapshot.epoch,
    snapshot.step,
    snapshot.modified,
    snapshot.state,
    null,
  ]);
  const points = (curves?.curves ?? []).flatMap((curve) =>
    curve.x.map((x, index): CsvCell[] => [
      'curve',
      `${curve.run}/${curve.tag}`,
      curve.axis === 'epoch' ? x : null,
      curve.axis === 'step' ? x : null,
      null,
      null,
      curve.y[index] ?? null,
    ]),
  );
  return [header, ...places, ...points, ...changeRows(trend)];
}

function changeRows(trend: Trend | null): CsvCell[][] {
  return (['l2', 'relative_l2'] as const).flatMap((measure) =>
    (trend?.pairs ?? []).flatMap((pair) => {
      const [before, at] = [trend?.snapshots[pair.a], trend?.snapshots[pair.b]];
      return (pair[measure] ?? []).map((value, index): CsvCell[] => [
        `${measure} since ${before?.label}`,
        trend?.layers[index] ?? '',
        at?.epoch ?? null,
        at?.step ?? null,
        at?.modified ?? null,
        pair.state,
        value,
      ]);
    }),
  );
}
