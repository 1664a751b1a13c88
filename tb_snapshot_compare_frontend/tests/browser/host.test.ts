import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Address } from '../../src/host/Address';
import { watchDarkMode } from '../../src/host/dark-mode';
import { watchReload } from '../../src/host/reload';

const stops: (() => void)[] = [];

beforeEach(() => {
  history.replaceState(null, '', '#scalars&p.other.x=1');
});

afterEach(() => {
  for (const stop of stops.splice(0)) stop();
  vi.restoreAllMocks();
});

test('the address is written late, in place, and keeps what belongs to others', async () => {
  const address = new Address(window);
  const entries = history.length;
  address.write({ a: 'first' });
  address.write({ a: 'x', layer: 'encoder/conv1' });
  expect(location.hash).toBe('#scalars&p.other.x=1');
  await vi.waitFor(() => expect(location.hash).toContain('p.snapshot_compare.a=x'));
  expect(location.hash).toMatch(/^#scalars&p\.other\.x=1&/);
  expect(address.read()).toEqual({ a: 'x', layer: 'encoder/conv1' });
  expect(history.length).toBe(entries);
});

test('a link is never older than the selection', () => {
  const address = new Address(window);
  address.write({ a: 'now' });
  expect(address.link).toContain('p.snapshot_compare.a=now');
});

test('an edited address is read, and what was to be written is dropped', async () => {
  const address = new Address(window);
  const seen = vi.fn();
  stops.push(address.watch(seen));
  address.write({ a: 'old' });
  location.hash = '#snapshot_compare&p.snapshot_compare.a=edited';
  await vi.waitFor(() => expect(seen).toHaveBeenCalledWith({ a: 'edited' }));
  await new Promise((resolve) => setTimeout(resolve, 250));
  expect(location.hash).toBe('#snapshot_compare&p.snapshot_compare.a=edited');
});

test("TensorBoard's dark mode is followed", async () => {
  const body = document.createElement('div');
  const host = { document: { body } } as unknown as Window;
  const seen: boolean[] = [];
  stops.push(watchDarkMode(host, (dark) => seen.push(dark)));
  body.classList.add('dark-mode');
  await vi.waitFor(() => expect(seen).toEqual([false, true]));
});

test("TensorBoard's reload button arrives through the channel, and is answered", async () => {
  const post = vi.spyOn(window.parent, 'postMessage').mockReturnValue();
  const onReload = vi.fn();
  stops.push(watchReload(onReload));
  const [name, , ports] = post.mock.calls[0] as unknown as [string, string, MessagePort[]];
  expect(name).toBe('experimental.bootstrap');
  const port = ports[0] as MessagePort;
  const answer = new Promise<string>((resolve) => {
    port.onmessage = (event: MessageEvent<string>) => resolve(event.data);
  });
  port.postMessage(
    JSON.stringify({ type: 'experimental.DataReloaded', id: 4, payload: null, isReply: false }),
  );
  expect(JSON.parse(await answer)).toMatchObject({ id: 4, isReply: true });
  expect(onReload).toHaveBeenCalledOnce();
});
