/** When the prediction of an image became another one; each change pins its step. */
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { formatCount } from '../../scales/format';
import { pins } from '../../state/training';
import type { Change, History } from './history';
import { lookAt, outcomePass, revealCurrent } from './looked';
import * as model from './model';
import { countOf } from './words';

/** Of the column titles, which stay in their place. */
const HEAD = 23;

export function Changes({
  history,
  label,
}: {
  readonly history: History;
  readonly label: number | null;
}): JSX.Element {
  const list = useRef<HTMLOListElement>(null);
  const { changes } = history;
  const at = outcomePass();
  // What was predicted at a pass came with the last change before it.
  const current = changes.findLast(({ pass }) => pass <= at);
  useEffect(() => {
    if (list.current) revealCurrent(list.current, HEAD);
  }, [current?.pass]);
  return (
    <section class="validation-part validation-changed">
      <h3>
        Changes of the prediction <span class="muted tabular">{formatCount(changes.length)}</span>
      </h3>
      {changes.length === 0 ? (
        <p class="muted">It never changed.</p>
      ) : (
        <ol ref={list} class="validation-changes tabular">
          <li class="validation-changes-head" aria-hidden="true">
            <span class="validation-change-step">Step</span>
            <span>From</span>
            <span />
            <span>To</span>
            <span>State before</span>
          </li>
          {changes.map((change) => (
            <ChangeRow
              key={change.pass}
              change={change}
              label={label}
              current={change === current}
            />
          ))}
        </ol>
      )}
    </section>
  );
}

function ChangeRow({
  change,
  label,
  current,
}: {
  readonly change: Change;
  readonly label: number | null;
  /** Whether its prediction is that of the pass that is looked at. */
  readonly current: boolean;
}): JSX.Element {
  const step = model.passes.value[change.pass];
  const pinned = step !== undefined && pins.value.includes(step);
  return (
    <li>
      <button
        type="button"
        aria-pressed={pinned}
        aria-current={current ? 'step' : undefined}
        title={pinned ? 'Remove the pin of this step' : 'Pin this step'}
        onClick={() => {
          if (step !== undefined) lookAt(step);
        }}
      >
        <span class="validation-change-step">{formatCount(step ?? null)}</span>
        <Predicted index={change.from} label={label} />
        <span class="muted" aria-hidden="true">
          →
        </span>
        <span class="visually-hidden">to</span>
        <Predicted index={change.to} label={label} />
        <span class="muted">lasted {countOf(change.lasted, 'pass', 'passes')}</span>
      </button>
    </li>
  );
}

function Predicted(props: {
  readonly index: number | null;
  readonly label: number | null;
}): JSX.Element {
  const { index, label } = props;
  if (index === null) return <span class="muted">not known</span>;
  return (
    <span class="validation-predicted" data-correct={index === label ? '' : undefined}>
      {model.className(index)}
    </span>
  );
}
