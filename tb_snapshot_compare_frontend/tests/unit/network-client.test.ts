import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Camera } from '../../src/render/camera';
import { LayoutClient } from '../../src/views/network/layout-client';
import { layoutNetwork } from '../../src/workers/layout/layout';
import type { LayoutInput } from '../../src/workers/layout/types';

const input = (width: number): LayoutInput => ({
  boxes: [{ id: 'a', parent: null, width: 100, height: 40 }],
  frames: [],
  links: [],
  room: { width, height: 300 },
});

class FakeWorker extends EventTarget {
  terminated = false;
  readonly asked: LayoutInput[] = [];

  constructor(private readonly reply: 'result' | 'problem' | 'nothing') {
    super();
  }

  postMessage({ id, input: wanted }: { id: number; input: LayoutInput }): void {
    this.asked.push(wanted);
    if (this.reply === 'nothing') return;
    const data =
      this.reply === 'result'
        ? { id, result: layoutNetwork(wanted) }
        : { id, problem: 'no such frame' };
    queueMicrotask(() => this.dispatchEvent(new MessageEvent('message', { data })));
  }

  terminate(): void {
    this.terminated = true;
  }
}

const clientOf = (worker: FakeWorker): LayoutClient =>
  new LayoutClient(() => worker as unknown as Worker, 2000);

describe('the layout client', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test('asks once for equal drawings', async () => {
    const worker = new FakeWorker('result');
    const client = clientOf(worker);
    const [first, second] = await Promise.all([
      client.layout(input(400)),
      client.layout(input(400)),
    ]);
    await client.layout(input(500));
    expect(first).toBe(second);
    expect(worker.asked.length).toBe(2);
  });

  test('gives up on a layout that takes too long, says so, and starts afresh', async () => {
    const worker = new FakeWorker('nothing');
    const client = clientOf(worker);
    const answer = expect(client.layout(input(400))).rejects.toThrow('not ready after 2 seconds');
    await vi.advanceTimersByTimeAsync(2001);
    await answer;
    expect(worker.terminated).toBe(true);
    const again = expect(client.layout(input(400))).rejects.toThrow('the view was closed');
    client.close();
    await again;
    expect(worker.asked.length).toBe(2);
  });

  test('hands on what the worker reports', async () => {
    const client = clientOf(new FakeWorker('problem'));
    await expect(client.layout(input(400))).rejects.toThrow('no such frame');
  });
});

describe('the camera', () => {
  const camera = (): Camera => {
    const made = new Camera({ minScale: 0.1, maxScale: 3, keepVisible: 50 });
    made.setContent({ width: 1000, height: 400 });
    made.setViewport({ width: 500, height: 300 });
    return made;
  };

  test('fits content into the viewport, centred, and never larger than asked', () => {
    const made = camera();
    made.fit(0);
    expect(made.view.value).toEqual({ scale: 0.5, x: 0, y: 50 });
    made.setContent({ width: 100, height: 100 });
    made.fit(0, 1);
    expect(made.view.value).toEqual({ scale: 1, x: 200, y: 100 });
  });

  test('keeps the point under the pointer in place while zooming', () => {
    const made = camera();
    made.fit(0);
    const point = { x: 120, y: 90 };
    const content = () => {
      const { x, y, scale } = made.view.value;
      return [(point.x - x) / scale, (point.y - y) / scale];
    };
    const before = content();
    made.zoomBy(2.5, point);
    content().forEach((value, index) => {
      expect(value).toBeCloseTo(before[index] as number, 9);
    });
    expect(made.fitted).toBe(false);
  });

  test('neither zooms beyond its limits nor loses the content', () => {
    const made = camera();
    made.zoomBy(1000);
    expect(made.view.value.scale).toBe(3);
    made.zoomBy(1e-6);
    expect(made.view.value.scale).toBe(0.1);
    made.panBy(-1e5, 1e5);
    const { x, y, scale } = made.view.value;
    expect(x + 1000 * scale).toBe(50);
    expect(y).toBe(300 - 400 * scale);
  });

  test('reveals a box by panning as little as needed', () => {
    const made = camera();
    made.view.value = { x: 0, y: 0, scale: 1 };
    made.reveal({ x: 10, y: 10, width: 50, height: 50 }, 5);
    expect(made.view.value).toEqual({ x: 0, y: 0, scale: 1 });
    made.reveal({ x: 600, y: 10, width: 50, height: 50 }, 5);
    expect(made.view.value.x).toBe(-155);
  });
});
