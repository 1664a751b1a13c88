import { signal } from '@preact/signals';
import { afterEach, expect, test } from 'vitest';
import { RequestFailure } from '../../src/client/failure';
import { keepInStep } from '../../src/state/fetching';
import { latest, type Resource } from '../../src/state/resources';

const settled = () => new Promise((resolve) => setTimeout(resolve));
const refused = () => Promise.reject(new RequestFailure('unreadable', 'Cut short.', 422));

const resource = signal<Resource<string>>({ status: 'idle' });
const pair = signal('a-b');
const bins = signal(20);
const failing = signal(false);
let stop = () => {};

function start(of: (() => string) | null): void {
  stop = keepInStep(resource, () => ({
    key: `${pair.value} ${bins.value}`,
    ask: failing.value ? refused : () => Promise.resolve(`numbers of ${pair.peek()}`),
    ...(of ? { of: of() } : {}),
  }));
}

afterEach(() => {
  stop();
  resource.value = { status: 'idle' };
  [pair.value, bins.value, failing.value] = ['a-b', 20, false];
});

test('a failure drops the numbers of the previous pair', async () => {
  start(() => pair.value);
  await settled();
  expect(latest(resource.value)).toBe('numbers of a-b');
  failing.value = true;
  pair.value = 'a-c';
  expect(resource.value).toMatchObject({ status: 'loading', stale: 'numbers of a-b' });
  await settled();
  expect(resource.value).toMatchObject({ status: 'failed', stale: null });
});

test('a failure keeps the numbers of the same pair', async () => {
  start(() => pair.value);
  await settled();
  failing.value = true;
  bins.value = 64;
  await settled();
  expect(resource.value).toMatchObject({ status: 'failed', stale: 'numbers of a-b' });
});

test('the pair before the last does not come back with a failure of its own', async () => {
  start(() => pair.value);
  await settled();
  pair.value = 'a-c';
  await settled();
  failing.value = true;
  pair.value = 'a-b';
  await settled();
  expect(resource.value).toMatchObject({ status: 'failed', stale: null });
});

test('a value is of its key where nothing else is said', async () => {
  start(null);
  await settled();
  failing.value = true;
  bins.value = 64;
  await settled();
  expect(resource.value).toMatchObject({ status: 'failed', stale: null });
});
