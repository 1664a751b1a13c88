import { expect, test } from 'vitest';
import type { Curves } from '../../src/client/types';
import { curvePath, layOut, marksPath } from '../../src/views/timeline/geometry';
import {
  chooseAxis,
  domainOf,
  knownAxes,
  lanesOn,
  marksOn,
  missingCurvesNote,
  nearestMark,
  pointNear,
} from '../../src/views/timeline/model';
import { timelineRows } from '../../src/views/timeline/timeline-csv';
import { curvesOf, runOf, snapshotOf } from '../harness/fixtures';

const snapshots = runOf(40).snapshots;
const curves = curvesOf('alexnet');

test('an axis is offered when a snapshot has a place on it', () => {
  const stepless = [snapshotOf(1, 'r', { step: null }), snapshotOf(2, 'r', { step: null })];
  expect(knownAxes(snapshots)).toEqual(['epoch', 'step', 'time']);
  expect(knownAxes(stepless)).toEqual(['epoch', 'time']);
  expect(chooseAxis('step', stepless)).toBe('epoch');
  expect(chooseAxis('time', snapshots)).toBe('time');
  expect(chooseAxis(null, [])).toBe('time');
});

test('the axis that places most snapshots is the default', () => {
  const mixed = [snapshotOf(1), snapshotOf(2, 'r', { epoch: null }), snapshotOf(3)];
  expect(chooseAxis(null, mixed)).toBe('step');
});

test('curves are drawn only where their unit is that of the axis', () => {
  const lanes = lanesOn('epoch', curves);
  expect(lanes.map(({ kind }) => kind)).toEqual(['loss', 'accuracy']);
  expect(lanes[0]?.curves.map(({ label }) => label)).toEqual(['train', 'validation']);
  expect(lanesOn('step', curves).flatMap((lane) => lane.curves.map((c) => c.curve.tag))).toEqual([
    'batch_loss',
  ]);
  expect(lanesOn('time', curves)).toEqual([]);
  expect(missingCurvesNote('time', curves)).toContain('logged over epochs and steps');
  expect(missingCurvesNote('epoch', curves)).toBeNull();
  expect(missingCurvesNote('epoch', { run: 'r', curves: [] })).toContain('No loss or accuracy');
});

test('of several losses the plainest tag is drawn', () => {
  const base = curves.curves[0] as Curves['curves'][number];
  const several = { run: 'r', curves: [{ ...base, tag: 'epoch_head_loss' }, base] };
  expect(lanesOn('epoch', several)[0]?.curves.map(({ curve }) => curve.tag)).toEqual([base.tag]);
});

test('the domain spans snapshots and curves, and one place gets room', () => {
  const marks = marksOn('epoch', snapshots.slice(4, 9));
  expect(domainOf(marks, [])).toEqual([5, 9]);
  expect(domainOf(marks, lanesOn('epoch', curves))).toEqual([1, 40]);
  expect(domainOf(marksOn('epoch', snapshots.slice(0, 1)), [])).toEqual([0.5, 1.5]);
  expect(domainOf([], [])).toEqual([0, 1]);
});

test('the nearest snapshot and the nearest logged value are found', () => {
  const marks = marksOn('epoch', snapshots);
  expect(nearestMark(marks, 12.4)?.snapshot.epoch).toBe(12);
  expect(nearestMark([], 3)).toBeNull();
  const curve = { ...(curves.curves[0] as Curves['curves'][number]), x: [1, 5], y: [0.5, null] };
  expect(pointNear(curve, 1.4, 1)).toEqual({ x: 1, y: 0.5 });
  expect(pointNear(curve, 3, 1)).toBeNull();
  expect(pointNear(curve, 5, 1)).toBeNull();
});

test('a thousand snapshots are one path, and gaps interrupt a curve', () => {
  const marks = marksOn('step', runOf(1000).snapshots);
  const geometry = layOut(1000, 120, 'step', domainOf(marks, []), []);
  expect(marksPath(marks, geometry, 2).match(/M/g)).toHaveLength(1000);
  const base = curves.curves[0] as Curves['curves'][number];
  const gapped = { ...base, x: [1, 2, 3, 4, 5], y: [1, 2, null, 2, 1] };
  const lane = {
    kind: 'loss' as const,
    curves: [{ role: 'train' as const, label: '', curve: gapped }],
  };
  const drawn = layOut(500, 120, 'epoch', [1, 5], [lane]);
  const box = drawn.lanes[0];
  if (!box) throw new Error('no lane');
  expect(curvePath(gapped, drawn, box.y).match(/M/g)).toHaveLength(2);
});

test('values are labelled evenly, from round number to round number', () => {
  const base = curves.curves[0] as Curves['curves'][number];
  const of = (kind: 'loss' | 'accuracy', y: number[]) => ({
    kind,
    curves: [{ role: 'train' as const, label: '', curve: { ...base, x: [1, 2], y } }],
  });
  const { lanes } = layOut(
    500,
    160,
    'epoch',
    [1, 2],
    [of('loss', [2.82, 0.0176]), of('accuracy', [0.0725, 0.998])],
  );
  expect(lanes.map(({ y }) => y.domain())).toEqual([
    [0, 3],
    [0, 1],
  ]);
  expect(lanes.map(({ ticks }) => ticks)).toEqual([
    [0, 2],
    [0, 0.5, 1],
  ]);
});

test('ticks of epochs are whole numbers, also for one snapshot', () => {
  const { ticks } = layOut(1200, 120, 'epoch', [0.5, 1.5], []);
  expect(ticks.map(({ label }) => label)).toEqual(['1']);
});

test('the table holds every snapshot and every logged point', () => {
  const rows = timelineRows(snapshots, curves);
  const points = curves.curves.reduce((sum, curve) => sum + curve.x.length, 0);
  expect(rows).toHaveLength(1 + 40 + points);
  expect(new Set(rows.map((row) => row.length))).toEqual(new Set([7]));
});
