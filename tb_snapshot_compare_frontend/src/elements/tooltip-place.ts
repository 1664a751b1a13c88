export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Between the anchor and the tooltip. */
const GAP = 8;
/** Between the tooltip and the edge of the viewport. */
const MARGIN = 8;

/**
 * Above the anchor and centred on it, else below it (or the other way round), else beside it; never
 * outside the viewport.
 */
export function placeTooltip(
  anchor: Box,
  size: Size,
  viewport: Size,
  side: 'above' | 'below' = 'above',
): { x: number; y: number } {
  const centred = anchor.x + anchor.width / 2 - size.width / 2;
  const x = clamp(centred, MARGIN, viewport.width - size.width - MARGIN);
  const above = anchor.y - GAP - size.height;
  const below = anchor.y + anchor.height + GAP;
  const fitsBelow = below + size.height <= viewport.height - MARGIN;
  if (side === 'below' && fitsBelow) return { x, y: below };
  if (above >= MARGIN) return { x, y: above };
  if (fitsBelow) return { x, y: below };
  const right = anchor.x + anchor.width + GAP;
  const fitsRight = right + size.width <= viewport.width - MARGIN;
  const beside = fitsRight ? right : anchor.x - GAP - size.width;
  return {
    x: clamp(beside, MARGIN, viewport.width - size.width - MARGIN),
    y: clamp(anchor.y, MARGIN, viewport.height - size.height - MARGIN),
  };
}

function clamp(value: number, lower: number, upper: number): number {
  return Math.max(lower, Math.min(upper, value));
}
