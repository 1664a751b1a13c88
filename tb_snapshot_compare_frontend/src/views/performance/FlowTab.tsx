/** All images of the set: which predictions become right or wrong from a to b. */
import type { JSX, RefObject } from 'preact';
import { useMemo } from 'preact/hooks';
import type { Flow } from '../../client/types';
import { FailureState } from '../../elements/EmptyState';
import { formatCount, formatFraction, formatSigned } from '../../scales/format';
import { classNames, currentSet } from '../../state/probe-images';
import { flow } from '../../state/probing';
import { imageFilter } from '../../state/probing-choice';
import { isStale, latest } from '../../state/resources';
import { ChangeMatrix } from './ChangeMatrix';
import { classText, images, OUTCOME_HELP, OUTCOME_WORDS } from './classes';
import { FlowBars } from './FlowBars';
import {
  classCount,
  classFlows,
  FLOW_PARTS,
  frequentChanges,
  MATRIX_CLASSES,
  totals,
} from './flow';
import { Progress } from './Progress';
import { Hint, Note } from './states';

const LISTED_CHANGES = 20;

export function FlowTab({
  drawing,
}: {
  readonly drawing: RefObject<SVGSVGElement | null>;
}): JSX.Element {
  const resource = flow.value;
  const known = latest(resource);
  const value = useMemo(() => known && named(known), [known, classNames.value]);
  const set = currentSet.value;
  if (resource.status === 'failed') {
    return <FailureState title="The images could not be run" failure={resource.failure} />;
  }
  if (!value) {
    const label = `Running ${images(set?.images.length ?? 0, formatCount)} in a and b`;
    return <Progress label={label} resource={resource} />;
  }
  return <Outcomes value={value} isOld={isStale(resource)} drawing={drawing} />;
}

function named(value: Flow): Flow {
  const names = classNames.value;
  return names.length >= value.classes.length ? { ...value, classes: [...names] } : value;
}

interface OutcomesProps {
  readonly value: Flow;
  /** Of other snapshots or of input prepared in another way. */
  readonly isOld: boolean;
  readonly drawing: RefObject<SVGSVGElement | null>;
}

function Outcomes({ value, isOld, drawing }: OutcomesProps): JSX.Element {
  const flows = useMemo(() => classFlows(value), [value]);
  const classes = useMemo(() => classCount(value), [value]);
  return (
    <div class="perf-flow" data-stale={isOld ? '' : undefined} aria-busy={isOld}>
      <Accuracies value={value} />
      {value.note !== null && <Note>{value.note}</Note>}
      {value.failed.length > 0 && (
        <p class="perf-note" role="note">
          {images(value.failed.length, formatCount)} could not be run:{' '}
          {value.failed.slice(0, 5).join(', ')}
          {value.failed.length > 5 && ' …'}
        </p>
      )}
      {flows.length > 0 ? (
        <div class="perf-flow-bars">
          <PartsLegend flows={flows} />
          <FlowBars flows={flows} classes={value.classes} drawing={drawing} />
        </div>
      ) : (
        <Hint>
          {value.note === null
            ? 'The images of this set have no labels: which predictions changed is shown, not ' +
              'which were right. Folders by class give labels.'
            : 'Which predictions changed is shown, not which were right.'}
        </Hint>
      )}
      <section class="perf-changes" aria-label="Changed predictions">
        <h3>Predicted by a → by b</h3>
        {classes <= MATRIX_CLASSES ? (
          <ChangeMatrix value={value} classes={classes} />
        ) : (
          <ChangeList value={value} />
        )}
      </section>
    </div>
  );
}

function Accuracies({ value }: { readonly value: Flow }): JSX.Element {
  const { accuracy_a: a, accuracy_b: b, labelled, images: all } = value;
  const changed = all.filter((entry) => entry.predicted_a !== entry.predicted_b).length;
  return (
    <div class="perf-accuracies">
      <dl>
        {a !== null && b !== null && (
          <>
            <Figure side="a" label="accuracy of a" text={formatFraction(a)} />
            <Figure side="b" label="accuracy of b" text={formatFraction(b)} />
            <Figure label="b − a, in points" text={formatSigned((b - a) * 100)} />
          </>
        )}
        <Figure
          label={`of ${images(all.length, formatCount)}: prediction changed`}
          text={formatCount(changed)}
        />
      </dl>
      {labelled > 0 && (
        <span class="muted perf-basis">
          accuracies rest on {images(labelled, formatCount)} with a label
        </span>
      )}
    </div>
  );
}

function Figure({
  side,
  label,
  text,
}: {
  readonly side?: 'a' | 'b';
  readonly label: string;
  readonly text: string;
}): JSX.Element {
  return (
    <div class="perf-figure">
      <dd class={side ? `perf-ink-${side} tabular` : 'tabular'}>{text}</dd>
      <dt>{label}</dt>
    </div>
  );
}

/** What the parts of a bar mean; a click takes the part of all classes. */
function PartsLegend({ flows }: { readonly flows: ReturnType<typeof classFlows> }): JSX.Element {
  const all = totals(flows);
  const { label, outcome } = imageFilter.value;
  return (
    <fieldset class="perf-parts" aria-label="Outcomes of all classes">
      {FLOW_PARTS.map((part) => {
        const chosen = outcome === part && label === null;
        return (
          <button
            key={part}
            type="button"
            aria-pressed={chosen}
            title={OUTCOME_HELP[part]}
            onClick={() => {
              imageFilter.value = {
                label: null,
                outcome: chosen ? null : part,
                predictedA: null,
                predictedB: null,
              };
            }}
          >
            <i data-part={part} />
            {OUTCOME_WORDS[part]} <b class="tabular">{formatCount(all[part])}</b>
          </button>
        );
      })}
    </fieldset>
  );
}

/** Where a matrix would have too many rows: the changes that most images share. */
function ChangeList({ value }: { readonly value: Flow }): JSX.Element {
  const changes = useMemo(() => frequentChanges(value.images, LISTED_CHANGES), [value]);
  const { predictedA, predictedB } = imageFilter.value;
  if (changes.length === 0) return <p class="muted">a and b predict the same for every image.</p>;
  return (
    <ol class="perf-change-list">
      {changes.map(({ from, to, count }) => (
        <li key={`${from} ${to}`}>
          <button
            type="button"
            aria-pressed={predictedA === from && predictedB === to}
            onClick={() => takeChange(from, to)}
          >
            {classText(value.classes, from)} → {classText(value.classes, to)}
            <b class="tabular">{formatCount(count)}</b>
          </button>
        </li>
      ))}
    </ol>
  );
}

function takeChange(from: number, to: number): void {
  imageFilter.value = { label: null, outcome: null, predictedA: from, predictedB: to };
}
