import type { Curves, Snapshot } from '../../client/types';
import type { CsvCell } from '../../render/csv';

/** Snapshots, then the points of every curve, in one table. */
export function timelineRows(snapshots: readonly Snapshot[], curves: Curves | null): CsvCell[][] {
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
  return [header, ...places, ...points];
}
