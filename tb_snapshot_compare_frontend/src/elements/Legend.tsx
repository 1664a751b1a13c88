/** What the colours of a view mean, in numbers. */
import type { JSX } from 'preact';
import { useRef, useState } from 'preact/hooks';
import type { ColorScale, Theme } from '../scales/color';
import { tickFormat } from '../scales/format';
import { adoptStyles } from '../theme/styles';
import { Button } from './Button';
import css from './Legend.css?inline';

adoptStyles(css);

/** Enough that the browser's own interpolation between stops cannot be seen. */
const GRADIENT_STOPS = 33;
/** More levels than this are shown as a strip without a text each. */
const DENSE_FROM = 9;

export interface ColorLegendProps {
  readonly label: string;
  readonly unit?: string | null;
  readonly domain: readonly [number, number];
  readonly color: ColorScale;
  /** Values to name; both ends (and zero, when it lies between) by default. */
  readonly ticks?: readonly number[];
  readonly format?: (value: number) => string;
  /** Says what hatching means; without it hatching is not explained. */
  readonly missing?: string | null;
  /** Names the two ends beside the colours, in one line. */
  readonly inline?: boolean;
  readonly theme: Theme;
}

export function ColorLegend(props: ColorLegendProps): JSX.Element {
  const { label, unit, domain, color, missing, inline = false, theme } = props;
  const [lower, upper] = domain;
  const ticks = props.ticks ?? (lower < 0 && upper > 0 ? [lower, 0, upper] : [lower, upper]);
  const format = props.format ?? tickFormat(ticks);
  const share = (value: number) => (upper > lower ? (value - lower) / (upper - lower) : 0);
  const stops = Array.from({ length: GRADIENT_STOPS }, (_, index) =>
    color(lower + ((upper - lower) * index) / (GRADIENT_STOPS - 1)),
  );
  const name = unit ? `${label} (${unit})` : label;
  const described = `${name}: ${ticks.map(format).join(', ')}`;
  return (
    <div class="legend color-legend" data-theme={theme}>
      <span class="legend-label">{name}</span>
      <div
        class="color-legend-scale"
        data-inline={inline ? '' : undefined}
        role="img"
        aria-label={`Colour scale, ${described}`}
      >
        {inline && <span>{format(lower)}</span>}
        <div
          class="color-legend-bar"
          style={{ background: `linear-gradient(90deg, ${stops.join(',')})` }}
        />
        {inline && <span>{format(upper)}</span>}
        {(inline ? [] : ticks).map((tick) => (
          <span
            key={tick}
            class="color-legend-tick"
            style={{ left: `${(share(tick) * 100).toFixed(2)}%` }}
          >
            {format(tick)}
          </span>
        ))}
      </div>
      {missing && (
        <span class="color-legend-missing">
          <i />
          {missing}
        </span>
      )}
    </div>
  );
}

export interface LevelLegendProps {
  readonly label?: string;
  /** One text per level, lowest first. */
  readonly levels: readonly string[];
  readonly colors: readonly string[];
  /** Indices of the levels that are switched off. */
  readonly hidden: readonly number[];
  readonly onToggle: (level: number) => void;
  /** Double click, or click with Alt: show this level alone. */
  readonly onOnly?: (level: number) => void;
  /** Shows every level again. */
  readonly onAll?: () => void;
}

/** One toggle button per level; a toolbar with a single tab stop, moved in by arrow keys. */
export function LevelLegend(props: LevelLegendProps): JSX.Element {
  const { label, levels, colors, hidden, onToggle, onOnly, onAll } = props;
  const buttons = useRef<HTMLDivElement>(null);
  const [current, setCurrent] = useState(0);
  const dense = levels.length >= DENSE_FROM;
  const tabStop = Math.min(current, levels.length - 1);
  /** One level stays, or there would be nothing to see. */
  const isLast = (level: number) => levels.length - hidden.length <= 1 && !hidden.includes(level);

  const onKeyDown = (event: KeyboardEvent): void => {
    const next = movedTo(event.key, tabStop, levels.length);
    if (next === null) return;
    event.preventDefault();
    setCurrent(next);
    buttons.current?.querySelectorAll('button')[next]?.focus();
  };

  return (
    <div class="legend level-legend" data-dense={dense ? '' : undefined}>
      {label && <span class="legend-label">{label}</span>}
      {dense && <span>{levels[0]}</span>}
      <div
        ref={buttons}
        class="level-legend-buttons"
        role="toolbar"
        aria-label={label ?? 'Levels'}
        onKeyDown={onKeyDown}
      >
        {levels.map((text, level) => (
          <button
            key={text}
            type="button"
            tabIndex={level === tabStop ? 0 : -1}
            aria-pressed={!hidden.includes(level)}
            aria-label={dense ? text : undefined}
            aria-disabled={isLast(level) ? true : undefined}
            title={`${text}${hintFor(isLast(level), onOnly !== undefined)}`}
            onFocus={() => setCurrent(level)}
            onClick={(event) => {
              if (event.altKey && onOnly) onOnly(level);
              else if (!isLast(level)) onToggle(level);
            }}
            onDblClick={() => onOnly?.(level)}
          >
            <i style={hidden.includes(level) ? {} : { background: colors[level] ?? '' }} />
            {dense ? null : text}
          </button>
        ))}
      </div>
      {dense && <span>{levels.at(-1)}</span>}
      {onAll && (
        <Button
          variant="text"
          hidden={hidden.length === 0}
          onClick={() => {
            buttons.current?.querySelector('button')?.focus();
            onAll();
          }}
        >
          Show all
        </Button>
      )}
    </div>
  );
}

function hintFor(last: boolean, only: boolean): string {
  if (last) return '\nThe last level that is shown stays';
  return only ? '\nDouble click to show this level alone' : '';
}

function movedTo(key: string, from: number, count: number): number | null {
  switch (key) {
    case 'ArrowRight':
    case 'ArrowDown':
      return (from + 1) % count;
    case 'ArrowLeft':
    case 'ArrowUp':
      return (from + count - 1) % count;
    case 'Home':
      return 0;
    case 'End':
      return count - 1;
    default:
      return null;
  }
}
