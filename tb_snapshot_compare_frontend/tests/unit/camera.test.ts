import { expect, test } from 'vitest';
import { Camera } from '../../src/render/camera';

/** A tall content in a wide room: fitted, it fills the room from top to bottom. */
function contained(): Camera {
  const camera = new Camera({ minScale: 1e-3, maxScale: 1e3, contained: true });
  camera.setContent({ width: 100, height: 200 });
  camera.setViewport({ width: 900, height: 400 });
  camera.limitScale(2, 200);
  camera.fit(0, 2);
  return camera;
}

test('contained content starts in the middle and cannot be moved away from it', () => {
  const camera = contained();
  expect(camera.view.value).toEqual({ scale: 2, x: 350, y: 0 });
  camera.panBy(100, -50);
  expect(camera.view.value).toEqual({ scale: 2, x: 350, y: 0 });
});

test.each([
  [351, 1],
  [450, 200],
  [549, 399],
])('zooming in keeps what is at %d, %d there, at every scale', (x, y) => {
  const camera = contained();
  const content = { x: (x - 350) / 2, y: y / 2 };
  for (let turn = 0; turn < 20; turn += 1) {
    camera.zoomBy(1.2, { x, y });
    const { view } = camera;
    expect(view.value.x + content.x * view.value.scale).toBeCloseTo(x);
    expect(view.value.y + content.y * view.value.scale).toBeCloseTo(y);
  }
});

test('enlarged contained content never leaves more room than fitted', () => {
  const camera = contained();
  camera.zoomBy(10);
  camera.panBy(1e5, 1e5);
  expect(camera.view.value).toEqual({ scale: 20, x: 350, y: 0 });
  camera.panBy(-1e5, -1e5);
  expect(camera.view.value).toEqual({ scale: 20, x: 550 - 2000, y: 400 - 4000 });
  camera.zoomBy(1e-3, { x: 3, y: 3 });
  expect(camera.view.value).toEqual({ scale: 2, x: 350, y: 0 });
});
