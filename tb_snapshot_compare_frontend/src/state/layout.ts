/** Sizes of the panels, kept in the browser: they are a person's habit, not part of a link. */
import { effect, signal } from '@preact/signals';

const STORAGE_KEY = 'tb_snapshot_compare.layout';
export const TIMELINE_MIN = 120;
export const TIMELINE_MAX = 480;
/** Without curves the timeline is a line of snapshots. */
export const TIMELINE_BARE = 108;
/** As long as nobody has moved its border, the timeline takes this share of the page's height. */
const TIMELINE_SHARE = 0.26;
const TIMELINE_NORMAL = [196, 280] as const;
export const FRACTION_MIN = 0.15;

/** Panels in each row of the grid. */
export const PANEL_COLUMNS: readonly number[] = [2, 2];

export interface Layout {
  /** Pixels; null leaves it to the height of the page. */
  readonly timeline: number | null;
  /** Shares of the space by row of panels: `rows` of the height, `columns[row]` of the width. */
  readonly rows: readonly number[];
  readonly columns: readonly (readonly number[])[];
}

export function defaultLayout(columnCounts = PANEL_COLUMNS): Layout {
  return {
    timeline: null,
    rows: columnCounts.map(() => 1 / columnCounts.length),
    columns: columnCounts.map((count) => Array.from({ length: count }, () => 1 / count)),
  };
}

export function timelineHeight({ timeline }: Layout, pageHeight: number): number {
  const [least, most] = TIMELINE_NORMAL;
  return timeline ?? Math.round(Math.min(most, Math.max(least, TIMELINE_SHARE * pageHeight)));
}

/** What is stored, as far as it fits these panels; otherwise the default. */
export function readLayout(text: string | null, columnCounts = PANEL_COLUMNS): Layout {
  const normal = defaultLayout(columnCounts);
  const stored = parse(text);
  return {
    timeline: isWithin(stored.timeline, TIMELINE_MIN, TIMELINE_MAX)
      ? stored.timeline
      : normal.timeline,
    rows: shares(stored.rows, normal.rows),
    columns: normal.columns.map((fallback, row) =>
      shares(Array.isArray(stored.columns) ? stored.columns[row] : null, fallback),
    ),
  };
}

export const layout = signal<Layout>(defaultLayout());

/** Restores the sizes, and stores them from now on. */
export function rememberLayout(): () => void {
  layout.value = readLayout(load());
  return effect(() => store(JSON.stringify(layout.value)));
}

/** Moves `change` (a share) over the border behind `index`, within the least sizes. */
export function moveBorder(
  fractions: readonly number[],
  index: number,
  change: number,
): readonly number[] {
  const [before, after] = [fractions[index], fractions[index + 1]];
  if (before === undefined || after === undefined) return fractions;
  const moved = Math.max(FRACTION_MIN - before, Math.min(after - FRACTION_MIN, change));
  return fractions.map((fraction, at) => {
    if (at === index) return fraction + moved;
    return at === index + 1 ? fraction - moved : fraction;
  });
}

function shares(stored: unknown, fallback: readonly number[]): readonly number[] {
  if (!Array.isArray(stored) || stored.length !== fallback.length) return fallback;
  const total = stored.reduce((sum: number, value) => sum + Number(value), 0);
  const valid = stored.every((value) => isWithin(value, FRACTION_MIN / 2, 1));
  return valid && Math.abs(total - 1) < 1e-3 ? (stored as number[]) : fallback;
}

function isWithin(value: unknown, least: number, most: number): value is number {
  return typeof value === 'number' && value >= least && value <= most;
}

function parse(text: string | null): Partial<Record<keyof Layout, unknown>> {
  try {
    const value: unknown = JSON.parse(text ?? '{}');
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}

function load(): string | null {
  try {
    return localStorage.getItem(STORAGE_KEY);
  } catch {
    // Storage is switched off: the sizes hold for this page only.
    return null;
  }
}

function store(text: string): void {
  try {
    localStorage.setItem(STORAGE_KEY, text);
  } catch {
    return;
  }
}
