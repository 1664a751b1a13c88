/** The three faces on a canvas. */
import { type CubeScene, filterKey, type Heat } from './cube-model';
import { type Affine, FACE_GAP, invert } from './cube-projection';
import { paintLayout, type Sight } from './paint';
import { canvasPen } from './pen';

/** What is in sight of the cube; the context's units are CSS pixels of the whole drawing. */
export function paintCube(context: CanvasRenderingContext2D, scene: CubeScene, sight: Sight): void {
  const { known, layout, size, projection, colors, flat } = scene;
  context.imageSmoothingEnabled = false;
  if (flat) paintCorner(context, scene);
  onFace(context, projection.top, () => {
    paintTop(context, scene, onFaceInSight(projection.top, sight));
    outline(context, size.time, size.depth, scene.edge);
  });
  onFace(context, projection.front, () => {
    paintFront(context, scene);
    outline(context, size.time, size.layers, scene.edge);
  });
  onFace(context, projection.right, () => {
    const part = within(onFaceInSight(projection.right, sight), size.depth, size.layers);
    paintLayout(canvasPen(context), known, layout, part, colors);
    outline(context, size.depth, size.layers, scene.edge);
  });
}

/** In the face's own units: time across, depth down. */
export function paintTop(
  context: CanvasRenderingContext2D,
  scene: CubeScene,
  sight: Sight | null = null,
): void {
  for (const { place, left, width } of scene.layout.columns) {
    if (sight && (left + width < sight.top || left > sight.bottom)) continue;
    drawLine(context, scene.errors, String(place), scene.size.time, left, width - 1);
  }
}

/** In the face's own units: time across, layers down. */
export function paintFront(context: CanvasRenderingContext2D, scene: CubeScene): void {
  const { known, layout, size, colors } = scene;
  for (const { row, layer, sets, top, height } of layout.rows) {
    canvasPen(context).rect(0, top + height - 1, size.time, 1, colors.rule);
    for (const set of sets) {
      (known.rows[row]?.sets[set.index]?.filters ?? []).forEach((filter, at) => {
        const y = set.top + at * layout.filter;
        drawLine(context, scene.changes, filterKey(layer, filter), size.time, y, layout.filter - 1);
      });
    }
  }
}

/** The part of a face that may be in sight. */
function onFaceInSight(affine: Affine, { left, top, right, bottom }: Sight): Sight {
  const places = [
    [left, top],
    [right, top],
    [right, bottom],
    [left, bottom],
  ] as const;
  const points = places.map((place) => invert(affine, place));
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  return {
    left: Math.min(...xs),
    top: Math.min(...ys),
    right: Math.max(...xs),
    bottom: Math.max(...ys),
  };
}

function within({ left, top, right, bottom }: Sight, width: number, height: number): Sight {
  return {
    left: Math.max(0, left),
    top: Math.max(0, top),
    right: Math.min(width, right),
    bottom: Math.min(height, bottom),
  };
}

function onFace(context: CanvasRenderingContext2D, affine: Affine, draw: () => void): void {
  const { a, b, c, d, e, f } = affine;
  context.save();
  context.transform(a, b, c, d, e, f);
  draw();
  context.restore();
}

function drawLine(
  context: CanvasRenderingContext2D,
  heat: Heat | null,
  key: string,
  width: number,
  y: number,
  height: number,
): void {
  const line = heat?.lines.get(key);
  if (!heat || line === undefined) return;
  context.drawImage(heat.canvas, 0, line, heat.canvas.width, 1, 0, y, width, height);
}

function outline(
  context: CanvasRenderingContext2D,
  width: number,
  height: number,
  color: string,
): void {
  context.strokeStyle = color;
  context.strokeRect(0, 0, width, height);
}

/** Between flat faces: how the rows of classes on top become the columns on the right. */
function paintCorner(context: CanvasRenderingContext2D, scene: CubeScene): void {
  const { layout, size, colors } = scene;
  context.strokeStyle = colors.rule;
  context.beginPath();
  for (const { left, width } of layout.columns) {
    const z = left + width;
    context.moveTo(size.time, size.depth - z + 0.5);
    context.lineTo(size.time + FACE_GAP + z - 0.5, size.depth - z + 0.5);
    context.lineTo(size.time + FACE_GAP + z - 0.5, size.depth + FACE_GAP);
  }
  context.stroke();
}
