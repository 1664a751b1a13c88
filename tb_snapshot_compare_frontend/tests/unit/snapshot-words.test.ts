import { expect, test } from 'vitest';
import {
  bestMatch,
  filterSnapshots,
  formatTime,
  formatWord,
  positionSource,
} from '../../src/elements/snapshot-words';
import { defaultLayout, moveBorder, readLayout, timelineHeight } from '../../src/state/layout';
import { runOf, snapshotOf } from '../harness/fixtures';

const snapshots = runOf(40).snapshots;

test('every word of a search must occur', () => {
  const found = filterSnapshots(snapshots, 'EPOCH  alexnet 034');
  expect(found.map(({ epoch }) => epoch)).toEqual([34]);
  expect(filterSnapshots(snapshots, ' ')).toHaveLength(40);
  expect(filterSnapshots(snapshots, 'broken')).toHaveLength(0);
});

test('a number means the epoch or step of that number first', () => {
  const found = filterSnapshots(snapshots, '4');
  expect(found.length).toBeGreaterThan(5);
  expect(found[bestMatch(found, '4')]?.epoch).toBe(4);
});

test('what cannot be chosen is never the best match', () => {
  const broken = snapshotOf(4, 'alexnet', { state: 'broken' });
  expect(bestMatch([broken], '4')).toBe(-1);
});

test('times name the year only when it is another one', () => {
  const now = new Date(2026, 10, 21);
  expect(formatTime(new Date(2026, 10, 3, 4, 5).getTime() / 1000, now)).toBe('3 Nov, 04:05');
  expect(formatTime(new Date(2024, 0, 3, 4, 5).getTime() / 1000, now)).toBe('3 Jan 2024, 04:05');
  expect(formatTime(Number.MAX_VALUE, now)).toBe('unknown time');
});

test('formats and the sources of a position are words', () => {
  expect(formatWord('tf_checkpoint')).toBe('TF checkpoint');
  expect(formatWord('something_new')).toBe('something_new');
  expect(positionSource(snapshotOf(1))).toBe(
    'epoch from file name, step from optimizer iterations',
  );
});

test('a border moves within the least sizes', () => {
  expect(moveBorder([0.5, 0.5], 0, 0.1)).toEqual([0.6, 0.4]);
  expect(moveBorder([0.5, 0.5], 0, 9)[1]).toBeCloseTo(0.15);
  expect(moveBorder([0.5, 0.5], 1, 0.1)).toEqual([0.5, 0.5]);
});

test.each([
  ['null', null],
  ['no JSON', '{'],
  ['a number', '7'],
  ['other panels', '{"timeline":1e9,"rows":[1],"columns":[[0.2,0.2,0.6]]}'],
  ['nonsense', '{"timeline":"x","rows":{},"columns":[["a",null]]}'],
])('stored sizes that are %s fall back to the default', (_, text) => {
  expect(readLayout(text, [2])).toEqual(defaultLayout([2]));
});

test('stored sizes are taken up', () => {
  const stored = { timeline: 250, rows: [1], columns: [[0.3, 0.7]] };
  expect(readLayout(JSON.stringify(stored), [2])).toEqual(stored);
});

test('the timeline takes its share of the page until its border is moved', () => {
  expect(timelineHeight(defaultLayout(), 740)).toBe(196);
  expect(timelineHeight(defaultLayout(), 1000)).toBe(260);
  expect(timelineHeight(defaultLayout(), 2000)).toBe(280);
  expect(timelineHeight({ ...defaultLayout(), timeline: 150 }, 2000)).toBe(150);
});
