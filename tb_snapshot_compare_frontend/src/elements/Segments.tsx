import { adoptStyles } from '../theme/styles';
import css from './Segments.css?inline';

adoptStyles(css);

export interface SegmentsProps<T extends string> {
  /** What the choice is about, for screen readers. */
  readonly label: string;
  readonly value: T;
  readonly options: readonly { readonly value: T; readonly label: string }[];
  readonly onChange: (value: T) => void;
  readonly small?: boolean;
}

/** One of two or three, all in sight. */
export function Segments<T extends string>(props: SegmentsProps<T>) {
  const { label, value, options, onChange, small = false } = props;
  return (
    <fieldset class="segments" aria-label={label} data-small={small ? '' : undefined}>
      {options.map((option) => (
        <button
          key={option.value}
          type="button"
          aria-pressed={option.value === value}
          onClick={() => onChange(option.value)}
        >
          {option.label}
        </button>
      ))}
    </fieldset>
  );
}
