import { useRef } from 'preact/hooks';
import { adoptStyles } from '../theme/styles';
import css from './Splitter.css?inline';

adoptStyles(css);

const STEP = 16;
const LARGE_STEP = 64;

export interface SplitterProps {
  readonly label: string;
  /** `vertical` stands between two columns, `horizontal` lies between two rows. */
  readonly orientation: 'vertical' | 'horizontal';
  /** Pixels of what lies before it; `min` and `max` bound it. */
  readonly value: number;
  readonly min: number;
  readonly max: number;
  readonly onChange: (value: number) => void;
  /** Double click and Enter. */
  readonly onReset: () => void;
}

/** A bar to drag, or to move with the arrow keys. */
export function Splitter(props: SplitterProps) {
  const { label, orientation, value, min, max, onChange, onReset } = props;
  const grip = useRef<{ pointer: number; value: number } | null>(null);
  const along = orientation === 'vertical' ? 'clientX' : 'clientY';
  const set = (wanted: number) => onChange(Math.min(max, Math.max(min, wanted)));

  const onKeyDown = (event: KeyboardEvent) => {
    const step = event.shiftKey ? LARGE_STEP : STEP;
    const [less, more] =
      orientation === 'vertical' ? ['ArrowLeft', 'ArrowRight'] : ['ArrowUp', 'ArrowDown'];
    const target = { [less]: value - step, [more]: value + step, Home: min, End: max }[event.key];
    if (target === undefined && event.key !== 'Enter') return;
    event.preventDefault();
    if (target === undefined) onReset();
    else set(target);
  };

  return (
    // biome-ignore lint/a11y/useSemanticElements: a rule cannot be focused and moved
    <div
      role="separator"
      tabIndex={0}
      class="splitter"
      data-orientation={orientation}
      aria-label={label}
      aria-orientation={orientation}
      aria-valuenow={Math.round(value)}
      aria-valuemin={Math.round(min)}
      aria-valuemax={Math.round(max)}
      onKeyDown={onKeyDown}
      onDblClick={onReset}
      onPointerDown={(event) => {
        event.preventDefault();
        event.currentTarget.focus({ preventScroll: true });
        event.currentTarget.setPointerCapture(event.pointerId);
        grip.current = { pointer: event[along], value };
      }}
      onPointerMove={(event) => {
        if (grip.current) set(grip.current.value + event[along] - grip.current.pointer);
      }}
      onLostPointerCapture={() => {
        grip.current = null;
      }}
    />
  );
}
