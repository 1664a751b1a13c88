/** The page's colours for drawing on a canvas, read once per theme. */
export interface Palette {
  readonly card: string;
  readonly ink: string;
  readonly muted: string;
  readonly accent: string;
  readonly void: string;
  readonly border: string;
  readonly skeleton: string;
  readonly hover: string;
  /** Marks what is chosen elsewhere; no scale of the map contains it. */
  readonly red: string;
  /** Of the brushed area, here and in the distribution. */
  readonly area: string;
  readonly font: string;
}

export function readPalette(element: Element): Palette {
  const style = getComputedStyle(element);
  const token = (name: string) => style.getPropertyValue(name).trim();
  return {
    card: token('--card'),
    ink: token('--ink'),
    muted: token('--ink-muted'),
    accent: token('--accent'),
    void: token('--void'),
    border: token('--border-strong'),
    skeleton: token('--skeleton'),
    hover: token('--hover'),
    red: token('--mark'),
    area: token('--area'),
    font: token('--font'),
  };
}
