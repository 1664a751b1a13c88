/**
 * How the three faces of the cube lie on the page. Front: layers x time, right: layers x classes,
 * top: classes x time. The depth of the cube is that of the classes: the columns of the right face
 * are as wide as the rows of the top face are high, and its rows are those of the front.
 */

/** x' = a x + c y + e, y' = b x + d y + f. */
export interface Affine {
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;
  readonly e: number;
  readonly f: number;
}

export type Face = 'front' | 'top' | 'right';
export type Point = readonly [x: number, y: number];

export interface Projection {
  /** From (time, layer). */
  readonly front: Affine;
  /** From (time, depth): depth grows away from the front. */
  readonly top: Affine;
  /** From (depth, layer). */
  readonly right: Affine;
  readonly width: number;
  readonly height: number;
}

export interface CubeSize {
  readonly time: number;
  readonly layers: number;
  readonly depth: number;
}

/** Between faces that lie flat. */
export const FACE_GAP = 8;
/** As published: the right face is skewed by -25 degrees, the top by -65. */
const SKEW = (25 * Math.PI) / 180;
const [COS, SIN] = [Math.cos(SKEW), Math.sin(SKEW)];

/** `share` goes from 0, the flat faces, to 1, the oblique ones. */
export function projectionOf(size: CubeSize, share: number): Projection {
  const [flat, oblique] = [flatProjection(size), obliqueProjection(size)];
  const mixed = (one: number, other: number) => one + (other - one) * share;
  const between = (face: Face): Affine => ({
    a: mixed(flat[face].a, oblique[face].a),
    b: mixed(flat[face].b, oblique[face].b),
    c: mixed(flat[face].c, oblique[face].c),
    d: mixed(flat[face].d, oblique[face].d),
    e: mixed(flat[face].e, oblique[face].e),
    f: mixed(flat[face].f, oblique[face].f),
  });
  return {
    front: between('front'),
    top: between('top'),
    right: between('right'),
    width: mixed(flat.width, oblique.width),
    height: mixed(flat.height, oblique.height),
  };
}

function flatProjection({ time, layers, depth }: CubeSize): Projection {
  const down = depth + FACE_GAP;
  return {
    front: { a: 1, b: 0, c: 0, d: 1, e: 0, f: down },
    top: { a: 1, b: 0, c: 0, d: -1, e: 0, f: depth },
    right: { a: 1, b: 0, c: 0, d: 1, e: time + FACE_GAP, f: down },
    width: time + FACE_GAP + depth,
    height: down + layers,
  };
}

function obliqueProjection({ time, layers, depth }: CubeSize): Projection {
  const down = depth * SIN;
  return {
    front: { a: 1, b: 0, c: 0, d: 1, e: 0, f: down },
    top: { a: 1, b: 0, c: COS, d: -SIN, e: 0, f: down },
    right: { a: COS, b: -SIN, c: 0, d: 1, e: time, f: down },
    width: time + depth * COS,
    height: down + layers,
  };
}

export function apply({ a, b, c, d, e, f }: Affine, [x, y]: Point): Point {
  return [a * x + c * y + e, b * x + d * y + f];
}

export function invert({ a, b, c, d, e, f }: Affine, [x, y]: Point): Point {
  const scale = a * d - b * c;
  const [dx, dy] = [x - e, y - f];
  return [(d * dx - c * dy) / scale, (a * dy - b * dx) / scale];
}

/** A rectangle of a face as the corners of a polygon. */
export function corners(
  affine: Affine,
  [x, y, width, height]: readonly [number, number, number, number],
): readonly Point[] {
  const places: readonly Point[] = [
    [x, y],
    [x + width, y],
    [x + width, y + height],
    [x, y + height],
  ];
  return places.map((place) => apply(affine, place));
}

export function sizeOfFace(face: Face, { time, layers, depth }: CubeSize): Point {
  if (face === 'front') return [time, layers];
  return face === 'top' ? [time, depth] : [depth, layers];
}

export interface FacePoint {
  readonly face: Face;
  readonly at: Point;
}

/** What of the cube is at a place of the page. */
export function faceAt(projection: Projection, size: CubeSize, place: Point): FacePoint | null {
  for (const face of ['front', 'right', 'top'] as const) {
    const at = invert(projection[face], place);
    const [width, height] = sizeOfFace(face, size);
    if (at[0] >= 0 && at[0] < width && at[1] >= 0 && at[1] < height) return { face, at };
  }
  return null;
}

const TIME_LEAST = 260;

/** What the classes leave to the time. */
export function timeWidth(room: number, depth: number): number {
  return Math.max(TIME_LEAST, Math.floor(room - depth - FACE_GAP));
}
