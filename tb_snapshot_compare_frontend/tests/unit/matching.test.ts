import { beforeEach, describe, expect, test, vi } from 'vitest';
import { RequestFailure } from '../../src/client/failure';
import type { MatchingApi } from '../../src/client/MatchingApi';
import type { Match, Matches } from '../../src/client/types';
import { pairIds, pairQuery } from '../../src/client/wire';
import {
  candidates,
  chosen,
  corrector,
  filtered,
  matches,
  matchingShown,
  refusal,
  rowsOf,
  undoable,
  unsaved,
} from '../../src/state/matching';
import { followMatching } from '../../src/state/matching-loader';
import { listing } from '../../src/state/resources';
import { a, b } from '../../src/state/selection';
import { listingOf } from '../harness/fixtures';
import { resetPage } from '../harness/page-state';

const tensor = (name: string, form = '4 4') => ({
  name,
  layer: name.split('/')[0] ?? null,
  role: 'kernel',
  shape: form.split(' ').map(Number),
  form,
});

function found(corrections: readonly Match[] = []): Matches {
  return {
    tensors_a: [tensor('one/kernel'), tensor('two/kernel'), tensor('old/kernel', '9')],
    tensors_b: [tensor('x/kernel'), tensor('y/kernel'), tensor('z/kernel')],
    pairs: [
      { a: 'one/kernel', b: 'x/kernel', rule: 'order' },
      { a: 'two/kernel', b: 'y/kernel', rule: 'user' },
    ],
    unmatched_a: [{ name: 'old/kernel', reason: 'nothing like it' }],
    unmatched_b: [{ name: 'z/kernel', reason: 'left over' }],
    corrections: [...corrections],
    saved: true,
    matches: 'token',
  };
}

beforeEach(() => {
  resetPage();
  listing.value = { status: 'ready', value: listingOf() };
  a.value = 'alexnet-10';
  b.value = 'alexnet-40';
});

test('rows are the pairs in the order of b, then what has no partner, with the reason', () => {
  const rows = rowsOf(found());
  expect(rows.map((row) => [row.a?.name, row.b?.name, row.rule, row.reason])).toEqual([
    ['one/kernel', 'x/kernel', 'order', ''],
    ['two/kernel', 'y/kernel', 'user', ''],
    [undefined, 'z/kernel', 'none', 'left over'],
    ['old/kernel', undefined, 'none', 'nothing like it'],
  ]);
  expect(rows.map(({ corrected }) => corrected)).toEqual([false, true, false, false]);
});

test('rows are filtered by rule and by a text in either name', () => {
  const rows = rowsOf(found());
  expect(filtered(rows, 'none', '')).toHaveLength(2);
  expect(filtered(rows, null, ' ONE ')).toHaveLength(1);
  expect(filtered(rows, 'user', 'one')).toHaveLength(0);
});

test('only what can be compared is a candidate; what is free comes first', () => {
  expect(candidates(found(), 'b', tensor('z/kernel')).map(({ name }) => name)).toEqual([
    'one/kernel',
    'two/kernel',
  ]);
  expect(candidates(found(), 'a', tensor('one/kernel'))).toEqual([
    { name: 'x/kernel', taken: false },
    { name: 'z/kernel', taken: false },
    { name: 'y/kernel', taken: true },
  ]);
});

test('a choice replaces every correction of the two tensors', () => {
  const before: Match[] = [
    { a: 'one/kernel', b: 'y/kernel' },
    { a: 'two/kernel', b: null },
    { a: null, b: 'z/kernel' },
  ];
  expect(chosen(before, 'b', 'z/kernel', { partner: 'one/kernel' })).toEqual([
    { a: 'two/kernel', b: null },
    { a: 'one/kernel', b: 'z/kernel' },
  ]);
  expect(chosen(before, 'a', 'one/kernel', { partner: null })).toContainEqual({
    a: 'one/kernel',
    b: null,
  });
  expect(chosen(before, 'a', 'two/kernel', 'rules')).toEqual([before[0], before[2]]);
});

test('what the user says of the matching is part of what a pair is', () => {
  const [one, other] = [
    { id: 'a', generation: 'g' },
    { id: 'b', generation: 'h' },
  ];
  expect(pairQuery([one, other]).has('m')).toBe(false);
  expect(pairQuery([{ ...one, matches: 'token' }, other]).get('m')).toBe('token');
  expect(pairIds([{ ...one, matches: 'token' }, other])).toContain('token');
});

function fakeApi() {
  const correct = vi.fn(async (_pair: unknown, next: readonly Match[], _save: boolean) =>
    found(next),
  );
  const api = { matches: vi.fn(async () => found()), correct };
  return { correct, api: api as unknown as MatchingApi };
}

test('choices are tried, undone and saved; then everything is asked under the new matches', async () => {
  const { api, correct } = fakeApi();
  const stop = followMatching(api, async () => undefined);
  matchingShown.value = true;
  await vi.waitFor(() => expect(matches.value.status).toBe('ready'));
  await corrector.value?.choose('b', 'z/kernel', { partner: 'one/kernel' });
  expect(correct.mock.lastCall?.slice(1)).toEqual([[{ a: 'one/kernel', b: 'z/kernel' }], false]);
  expect([unsaved.value, undoable.value.length]).toEqual([true, 1]);
  // A new listing of the same snapshots takes nothing away.
  listing.value = { status: 'ready', value: listingOf({ version: 8 }) };
  expect(undoable.value).toHaveLength(1);
  await corrector.value?.undo();
  expect(unsaved.value).toBe(false);
  expect(correct.mock.lastCall?.slice(1)).toEqual([[], false]);
  expect(undoable.value).toHaveLength(0);
  await corrector.value?.choose('a', 'one/kernel', { partner: null });
  await corrector.value?.save();
  expect(correct.mock.lastCall?.slice(1)).toEqual([[{ a: 'one/kernel', b: null }], true]);
  expect(unsaved.value).toBe(false);
  expect(listing.value.status === 'ready' && listing.value.value.matches).toBe('token');
  stop();
});

test('a choice that is refused changes nothing and tells why', async () => {
  const { api, correct } = fakeApi();
  const stop = followMatching(api, async () => undefined);
  matchingShown.value = true;
  await vi.waitFor(() => expect(matches.value.status).toBe('ready'));
  correct.mockRejectedValueOnce(new RequestFailure('invalid_request', 'not one tensor', 400));
  await corrector.value?.choose('b', 'z/kernel', { partner: 'one/kernel' });
  expect(refusal.value).toBe('not one tensor');
  expect([unsaved.value, undoable.value.length]).toEqual([false, 0]);
  stop();
});

describe('when a chosen snapshot is written anew while choices are not saved', () => {
  const choice: Match = { a: 'one/kernel', b: 'z/kernel' };
  const other: Match = { a: 'two/kernel', b: null };

  function rewritten(): void {
    const { runs, ...rest } = listingOf({ version: 8 });
    const anew = runs.map((run) => ({
      ...run,
      snapshots: run.snapshots.map((each) =>
        each.id === 'alexnet-40' ? { ...each, generation: 'new' } : each,
      ),
    }));
    listing.value = { status: 'ready', value: { ...rest, runs: anew } };
  }

  async function begun(onStale = async () => undefined) {
    const fake = fakeApi();
    const stop = followMatching(fake.api, onStale);
    matchingShown.value = true;
    await vi.waitFor(() => expect(matches.value.status).toBe('ready'));
    return { ...fake, stop };
  }

  const corrections = () =>
    matches.value.status === 'ready' ? matches.value.value.corrections : null;

  test('they stay, for the new content, and can still be undone and saved', async () => {
    const { correct, stop } = await begun();
    await corrector.value?.choose('b', 'z/kernel', { partner: 'one/kernel' });
    rewritten();
    await vi.waitFor(() => expect(correct).toHaveBeenCalledTimes(2));
    expect(correct.mock.lastCall?.[0]).toMatchObject([{}, { generation: 'new' }]);
    await vi.waitFor(() => expect(corrections()).toEqual([choice]));
    expect([unsaved.value, undoable.value.length, refusal.value]).toEqual([true, 1, null]);
    await corrector.value?.undo();
    expect([unsaved.value, corrections()]).toEqual([false, []]);
    await corrector.value?.choose('b', 'z/kernel', { partner: 'one/kernel' });
    await corrector.value?.save();
    expect(correct.mock.lastCall?.slice(1)).toEqual([[choice], true]);
    stop();
  });

  test('those whose tensors are gone are dropped, and it is said', async () => {
    const { api, correct, stop } = await begun();
    await corrector.value?.choose('b', 'z/kernel', { partner: 'one/kernel' });
    await corrector.value?.choose('a', 'two/kernel', { partner: null });
    const { tensors_b, ...rest } = found();
    const without = tensors_b.filter(({ name }) => name !== 'z/kernel');
    vi.mocked(api.matches).mockResolvedValueOnce({ ...rest, tensors_b: without });
    rewritten();
    await vi.waitFor(() => expect(corrections()).toEqual([other]));
    expect(correct.mock.lastCall?.slice(1)).toEqual([[other], false]);
    expect(refusal.value).toContain('1 choice was dropped');
    expect(unsaved.value).toBe(true);
    stop();
  });

  test('what the server refuses for the new content is dropped with its reason', async () => {
    const { correct, stop } = await begun();
    await corrector.value?.choose('b', 'z/kernel', { partner: 'one/kernel' });
    correct.mockRejectedValueOnce(new RequestFailure('invalid_request', 'shapes differ', 400));
    rewritten();
    await vi.waitFor(() => expect(refusal.value).toContain('shapes differ'));
    await vi.waitFor(() => expect(corrections()).toEqual([]));
    expect([unsaved.value, undoable.value.length]).toEqual([false, 0]);
    stop();
  });

  test('a choice that is under way is made for the new content', async () => {
    const { correct, stop } = await begun(async () => rewritten() as undefined);
    correct.mockRejectedValueOnce(new RequestFailure('gone', 'it has changed', 410));
    await corrector.value?.choose('b', 'z/kernel', { partner: 'one/kernel' });
    await vi.waitFor(() => expect(corrections()).toEqual([choice]));
    expect(correct.mock.lastCall?.[0]).toMatchObject([{}, { generation: 'new' }]);
    expect([unsaved.value, undoable.value.length, refusal.value]).toEqual([true, 1, null]);
    stop();
  });

  test('other snapshots begin without them', async () => {
    const { stop } = await begun();
    await corrector.value?.choose('b', 'z/kernel', { partner: 'one/kernel' });
    b.value = 'alexnet-39';
    await vi.waitFor(() => expect(corrections()).toEqual([]));
    expect([unsaved.value, undoable.value.length]).toEqual([false, 0]);
    stop();
  });
});
