import { adoptStyles } from '../theme/styles';
import { Icon } from './Icon';
import css from './Select.css?inline';

adoptStyles(css);

export interface SelectOption<T extends string> {
  readonly value: T;
  readonly label: string;
  readonly title?: string;
}

export interface SelectProps<T extends string> {
  readonly label: string;
  /** Keeps the label for screen readers only. */
  readonly hideLabel?: boolean;
  readonly value: T;
  readonly options: readonly SelectOption<T>[];
  readonly onChange: (value: T) => void;
  readonly title?: string;
}

/** One of a few values: the browser's own drop-down in the page's look. */
export function Select<T extends string>({
  label,
  hideLabel = false,
  value,
  options,
  onChange,
  title,
}: SelectProps<T>) {
  return (
    <label class="select" title={title}>
      <span class={hideLabel ? 'visually-hidden' : 'select-label'}>{label}</span>
      <span class="select-box">
        <select value={value} onChange={(event) => onChange(event.currentTarget.value as T)}>
          {options.map((option) => (
            <option key={option.value} value={option.value} title={option.title}>
              {option.label}
            </option>
          ))}
        </select>
        <Icon name="chevron" />
      </span>
    </label>
  );
}
