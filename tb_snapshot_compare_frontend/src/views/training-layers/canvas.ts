/** A canvas as sharp as the screen. */

/** Sets the canvas to its size on screen, empty; drawing is in device pixels. */
export function prepare(
  canvas: HTMLCanvasElement,
  width: number,
  height: number,
  ratio: number,
): CanvasRenderingContext2D | null {
  const [across, down] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== across) canvas.width = across;
  if (canvas.height !== down) canvas.height = down;
  const context = canvas.getContext('2d');
  context?.clearRect(0, 0, across, down);
  return context;
}
