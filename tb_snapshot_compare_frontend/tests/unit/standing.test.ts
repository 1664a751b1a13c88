import { beforeEach, expect, test } from 'vitest';
import { comparison, listing } from '../../src/state/resources';
import { a, b } from '../../src/state/selection';
import { rememberReady } from '../../src/state/settle';
import { standingOf } from '../../src/state/standing';
import { listingOf } from '../harness/fixtures';
import { resetPage } from '../harness/page-state';

beforeEach(() => {
  resetPage();
  listing.value = { status: 'ready', value: listingOf() };
  a.value = 'alexnet-10';
  b.value = 'alexnet-40';
  rememberReady();
  const suggested = { a: 'alexnet-1', b: 'alexnet-40' };
  const { runs, ...rest } = listingOf({ version: 8 });
  const without = runs.map((run) => ({
    ...run,
    snapshots: run.snapshots.filter(({ id }) => id !== 'alexnet-10'),
  }));
  listing.value = { status: 'ready', value: { ...rest, suggested, runs: without } };
});

test('of a snapshot that was deleted its results stay on show, and that is said', () => {
  expect(standingOf('a')[0]?.text).toContain('What was computed of it stays on show');
});

test('nothing stays on show once the other one was replaced, and that is not claimed', () => {
  const failure = { code: 'gone', message: 'epoch-10 was deleted.' };
  comparison.value = { status: 'failed', failure, stale: null };
  expect(standingOf('a')[0]?.text).toBe(
    'Snapshot epoch 10 · step 340 (a) was deleted from the logdir. It can no longer be compared.',
  );
  expect(standingOf('a')[0]?.action?.label).toMatch(/^Show .* instead$/);
});
