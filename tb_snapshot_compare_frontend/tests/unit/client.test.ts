import { expect, test, vi } from 'vitest';
import { Api, type PairOf } from '../../src/client/Api';
import { ByteLru } from '../../src/client/ByteLru';
import { Client, type Wait } from '../../src/client/Client';
import { RequestFailure } from '../../src/client/failure';
import type { Job } from '../../src/client/types';
import { filtersOf } from '../harness/fixtures';

const PAIR: PairOf = [
  { id: 'x', generation: 'g1' },
  { id: 'y', generation: 'g2' },
];
const job: Job = { id: 'j1', label: 'Comparing', state: 'running', done: 1, total: 4 };

function json(body: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(body), { status, headers });
}

/** A client whose server gives these answers in order, and whose waits end at once. */
function clientOf(...answers: (Response | Error)[]) {
  const delays: number[] = [];
  const urls: string[] = [];
  const fetch = vi.fn(async (input: RequestInfo | URL, init?: RequestInit) => {
    urls.push(String(input));
    init?.signal?.throwIfAborted();
    const answer = answers.shift();
    if (!answer) throw new Error('no answer left');
    if (answer instanceof Error) throw answer;
    return answer;
  });
  const wait: Wait = async (milliseconds, signal) => {
    delays.push(milliseconds);
    await Promise.resolve();
    signal.throwIfAborted();
  };
  return { api: new Api(new Client({ fetch, wait })), fetch, delays, urls };
}

test('addresses are relative to the plugin and name both generations', async () => {
  const { api, urls } = clientOf(json({}), json({}), json({}), json({}));
  await api.comparison(PAIR);
  await api.distribution(PAIR, { layer: 'a/b c', tensor: null, bins: 20, levels: 5 });
  await api.distribution(PAIR, { layer: 'c', tensor: 'c/bias', bins: 20, levels: 5 });
  await api.changes(3);
  expect(urls).toEqual([
    './comparison?form=columns&a=x&ga=g1&b=y&gb=g2',
    './distribution?a=x&ga=g1&b=y&gb=g2&layer=a%2Fb+c&bins=20&levels=5',
    './distribution?a=x&ga=g1&b=y&gb=g2&layer=c&tensor=c%2Fbias&bins=20&levels=5',
    './changes?since=3',
  ]);
});

test('work under way is asked for again, with pauses of a tenth of its time, and progress', async () => {
  const under = Array.from({ length: 9 }, () => json(job, 202));
  const { api, delays } = clientOf(...under, json({ done: true }));
  const moments = [0, 150, 600, 1000, 2000, 3000, 5000, 9000, 20_000, 60_000];
  vi.spyOn(performance, 'now').mockImplementation(() => moments.shift() as number);
  const jobs: Job[] = [];
  const value = await api.comparison(PAIR, { onJob: (each) => jobs.push(each) });
  expect(value).toEqual({ done: true });
  expect(jobs).toHaveLength(9);
  vi.restoreAllMocks();
  expect(delays).toEqual([40, 60, 100, 200, 300, 500, 900, 1000, 1000]);
});

test('a busy server is asked again after the pause that it names', async () => {
  const { api, delays } = clientOf(json({}, 503, { 'Retry-After': '2' }), json({}, 503), json({}));
  await api.comparison(PAIR);
  expect(delays).toEqual([2000, 1000]);
});

test('a server that stays busy is a failure at last', async () => {
  const busy = () => json({ error: { code: 'busy', message: 'The queue is full.' } }, 503);
  const { api } = clientOf(...Array.from({ length: 11 }, busy));
  await expect(api.comparison(PAIR)).rejects.toMatchObject({ code: 'busy', status: 503 });
});

test.each([409, 410])('status %d says that the bytes have changed', async (status) => {
  const { api } = clientOf(json({ error: { code: 'changed', message: 'It changed.' } }, status));
  const failure = await api.comparison(PAIR).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(RequestFailure);
  expect(failure).toMatchObject({ isStale: true, message: 'It changed.' });
});

test('an answer without an explanation still gives a message', async () => {
  const { api } = clientOf(new Response('<html>', { status: 502 }));
  await expect(api.listing()).rejects.toThrow('TensorBoard answered with status 502');
});

test('a server that is gone is told from one that refuses', async () => {
  const { api } = clientOf(new TypeError('Failed to fetch'));
  await expect(api.listing()).rejects.toMatchObject({ code: 'unreachable', status: 0 });
});

test('broken JSON is a failure that says so', async () => {
  const { api } = clientOf(new Response('{"a":'));
  await expect(api.listing()).rejects.toMatchObject({ code: 'unreadable_answer' });
});

test('equal requests share one answer', async () => {
  const { api, fetch } = clientOf(json({ x: 1 }));
  const [first, second] = await Promise.all([api.comparison(PAIR), api.comparison(PAIR)]);
  expect(first).toBe(second);
  expect(fetch).toHaveBeenCalledTimes(1);
});

test('what names generations is kept, the listing is not', async () => {
  const { api, fetch } = clientOf(json({ x: 1 }), json({ v: 1 }), json({ v: 2 }));
  expect(await api.comparison(PAIR)).toBe(await api.comparison(PAIR));
  await api.listing();
  expect(await api.listing()).toEqual({ v: 2 });
  expect(fetch).toHaveBeenCalledTimes(3);
});

test('a failure is not kept', async () => {
  const { api } = clientOf(json({ error: { code: 'x', message: 'x' } }, 500), json({ ok: 1 }));
  await expect(api.comparison(PAIR)).rejects.toThrow();
  expect(await api.comparison(PAIR)).toEqual({ ok: 1 });
});

test('the server is told when nobody waits for its work any more', async () => {
  const answers: Response[] = [];
  const bodies: unknown[] = [];
  const fetch = vi.fn(async (input: RequestInfo | URL, init?: RequestInit) => {
    if (String(input) === './cancel') bodies.push(JSON.parse(String(init?.body)));
    return answers.shift() ?? json(job, 202);
  });
  const api = new Api(new Client({ fetch, wait: (_, signal) => rejectedByAbort(signal) }));
  const [first, second] = [new AbortController(), new AbortController()];
  const requests = [first, second].map(({ signal }) => api.comparison(PAIR, { signal }));
  const outcomes = Promise.allSettled(requests);
  await vi.waitFor(() => expect(fetch).toHaveBeenCalled());
  await Promise.resolve();
  first.abort();
  await expect(requests[0]).rejects.toMatchObject({ name: 'AbortError' });
  expect(bodies).toEqual([]);
  second.abort();
  await outcomes;
  await vi.waitFor(() => expect(bodies).toEqual([{ job: 'j1' }]));
});

test('a request that was given up does not stand in the way of the next', async () => {
  const { api } = clientOf(json(job, 202), json({ ok: true }), json({ fresh: true }));
  const abort = new AbortController();
  const first = api.comparison(PAIR, { signal: abort.signal });
  abort.abort();
  await expect(first).rejects.toMatchObject({ name: 'AbortError' });
  await expect(api.comparison(PAIR)).resolves.toBeDefined();
});

test('filters come as arrays of doubles', async () => {
  const { api } = clientOf(new Response(filtersOf('conv1')));
  const { layer, tensor, filters, measures } = await api.filters(PAIR, 'conv1');
  expect({ layer, tensor, filters }).toEqual({
    layer: 'conv1',
    tensor: 'conv1/kernel',
    filters: 48,
  });
  expect(measures.l2).toBeInstanceOf(Float64Array);
  expect(measures.l2).toHaveLength(48);
});

test('the oldest answers leave first, and none is larger than the cache', () => {
  const cache = new ByteLru<string>(10);
  cache.set('a', 'A', 4);
  cache.set('b', 'B', 4);
  expect(cache.get('a')).toBe('A');
  cache.set('c', 'C', 4);
  expect([cache.get('a'), cache.get('b'), cache.get('c')]).toEqual(['A', undefined, 'C']);
  cache.set('d', 'D', 11);
  expect(cache.get('d')).toBeUndefined();
});

function rejectedByAbort(signal: AbortSignal): Promise<void> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason));
  });
}
