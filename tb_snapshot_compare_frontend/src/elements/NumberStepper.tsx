import type { JSX } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { adoptStyles } from '../theme/styles';
import css from './NumberStepper.css?inline';

adoptStyles(css);

/** Typing and clicking settle before the value is taken: it may cost the server a computation. */
const COMMIT_AFTER_MS = 400;

export interface NumberStepperProps {
  readonly label: string;
  /** What there are more or fewer of; the label by default. */
  readonly things?: string;
  readonly value: number;
  readonly min: number;
  readonly max: number;
  /** What one click on − or + changes. */
  readonly step: number;
  readonly title: string;
  readonly onCommit: (value: number) => void;
}

/** A whole number between two buttons. What is not a number goes back to the last value. */
export function NumberStepper(props: NumberStepperProps): JSX.Element {
  const { label, things = label.toLowerCase(), value, min, max, step, title, onCommit } = props;
  const id = useId();
  const [draft, setDraft] = useState<string | null>(null);
  const timer = useRef(0);
  const latest = useRef(onCommit);
  latest.current = onCommit;
  useEffect(() => () => clearTimeout(timer.current), []);

  const current = parsed(draft, min, max) ?? value;

  const commit = (text: string | null): void => {
    clearTimeout(timer.current);
    setDraft(null);
    const next = parsed(text, min, max);
    if (next !== null && next !== value) latest.current(next);
  };
  const change = (text: string): void => {
    setDraft(text);
    clearTimeout(timer.current);
    timer.current = window.setTimeout(() => commit(text), COMMIT_AFTER_MS);
  };
  const stepBy = (amount: number): void =>
    change(String(Math.min(max, Math.max(min, current + amount))));
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === 'Enter') commit(draft);
    else if (event.key === 'Escape' && draft !== null) commit(null);
    else if (event.key === 'ArrowUp') stepBy(1);
    else if (event.key === 'ArrowDown') stepBy(-1);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };

  return (
    <div class="number-stepper" title={title}>
      <label class="number-stepper-label" for={id}>
        {label}
      </label>
      <span class="number-stepper-box">
        <button
          type="button"
          tabIndex={-1}
          aria-label={`Fewer ${things}`}
          disabled={current <= min}
          onClick={() => stepBy(-step)}
        >
          −
        </button>
        <input
          id={id}
          type="text"
          inputMode="numeric"
          role="spinbutton"
          autocomplete="off"
          aria-label={label}
          aria-valuemin={min}
          aria-valuemax={max}
          aria-valuenow={current}
          value={draft ?? String(value)}
          onInput={(event) => change(event.currentTarget.value)}
          onBlur={() => draft !== null && commit(draft)}
          onKeyDown={onKeyDown}
        />
        <button
          type="button"
          tabIndex={-1}
          aria-label={`More ${things}`}
          disabled={current >= max}
          onClick={() => stepBy(step)}
        >
          +
        </button>
      </span>
    </div>
  );
}

function parsed(text: string | null, min: number, max: number): number | null {
  if (text === null || !/^\s*\d+\s*$/.test(text)) return null;
  return Math.min(max, Math.max(min, Number(text)));
}
