/** IEEE 754 binary16 as bit patterns: their values, and a colour for each of them. */
const PATTERNS = 65_536;

let values: Float32Array | null = null;

/** The value of every bit pattern. */
function halfValues(): Float32Array {
  values ??= Float32Array.from({ length: PATTERNS }, (_, bits) => numberOf(bits));
  return values;
}

/** Infinities stay infinite, every NaN is NaN. */
export function halfToNumber(bits: number): number {
  return halfValues()[bits] as number;
}

/**
 * A colour for every bit pattern, so that painting is one look-up per pixel. `colors` are evenly
 * spaced over `domain` and clamped outside of it; `missing` is for NaN.
 */
export function halfColors(
  colors: Uint32Array,
  [lower, upper]: readonly [number, number],
  missing: number,
): Uint32Array {
  const table = new Uint32Array(PATTERNS);
  const last = colors.length - 1;
  const all = halfValues();
  const factor = upper > lower ? last / (upper - lower) : 0;
  for (let bits = 0; bits < PATTERNS; bits += 1) {
    const value = all[bits] as number;
    if (Number.isNaN(value)) {
      table[bits] = missing;
      continue;
    }
    const place = factor > 0 ? (value - lower) * factor : value > upper ? last : 0;
    table[bits] = colors[Math.round(Math.min(last, Math.max(0, place)))] as number;
  }
  return table;
}

/** `#rrggbb` as a pixel of ImageData read as little-endian 32 bits; `alpha` from 0 to 255. */
export function pixelOf(hex: string, alpha = 255): number {
  const bits = Number.parseInt(hex.slice(1), 16);
  return ((alpha << 24) | ((bits & 255) << 16) | (bits & 0xff00) | (bits >> 16)) >>> 0;
}

export function pixelsOf(colors: readonly string[]): Uint32Array {
  return Uint32Array.from(colors, (color) => pixelOf(color));
}

function numberOf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
