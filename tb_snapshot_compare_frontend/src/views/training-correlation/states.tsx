/** Why there is nothing, and what would show something. */
import type { JSX } from 'preact';
import { Button } from '../../elements/Button';
import { EmptyState } from '../../elements/EmptyState';
import { formatCount } from '../../scales/format';
import * as state from '../../state/training';
import { higherThresholds, suggestedThresholds, type ThresholdOutcome } from './anomalies';
import * as model from './model';
import { nothingToShow } from './nothing';
import { countOf } from './words';

export function NotYet(): JSX.Element {
  switch (nothingToShow.value) {
    case 'passes':
      return (
        <EmptyState icon="info" title="No validation passes were recorded">
          <p>
            {state.probeProblem.value ?? (
              <>
                Anomalies of classes are found in what was predicted for probe images:{' '}
                <code>SnapshotCallback(logdir, probe_data=…)</code> records it.
              </>
            )}
          </p>
        </EmptyState>
      );
    case 'labels':
      return (
        <EmptyState icon="info" title="The classes of the probe images are not known">
          <p>Give the callback labels beside the images.</p>
        </EmptyState>
      );
    case 'dumps':
      return (
        <EmptyState icon="info" title="Nothing is known of the filters yet">
          <p>{state.log.value?.note}</p>
        </EmptyState>
      );
    default:
      return (
        <div class="correlation-wait" role="status" aria-label="Relating filters to classes" />
      );
  }
}

/** No class has two anomaly iterations: says how many there would be at which threshold. */
export function NoColumns(): JSX.Element {
  const { threshold, runLength } = state.anomalyRule.value;
  const run = countOf(runLength + 1, 'pass', 'passes');
  const known = model.outcomes.value;
  const none = known !== null && known.length === 0;
  return (
    <EmptyState icon="info" title={`No class has two anomalies of ${countOf(threshold, 'image')}`}>
      <p>
        {none
          ? noneWords(model.lonely.value, run)
          : `An anomaly iteration is a pass at which at least ${countOf(threshold, 'image')} of a class leave or begin a state that lasts for ${run}; ${leftOutWords(model.lonely.value)}`}
      </p>
      {none ? <ShorterRun /> : <Thresholds />}
    </EmptyState>
  );
}

/** At no threshold has a class two anomalies. */
function noneWords(lonely: number, run: string): string {
  if (lonely === 0) return `No image of any class changed its state after ${run} in another one.`;
  const have = lonely === 1 ? 'class has' : 'classes have';
  return `${formatCount(lonely)} ${have} one anomaly alone, whatever the threshold, and no class has two: classes with one alone are left out.`;
}

function leftOutWords(lonely: number): string {
  if (lonely === 0) return 'classes with one alone are left out.';
  return `${countOf(lonely, 'class', 'classes')} with one alone ${lonely === 1 ? 'is' : 'are'} left out.`;
}

function ShorterRun(): JSX.Element | null {
  if (state.anomalyRule.value.runLength === 0) return null;
  return (
    <Button
      onClick={() => {
        state.runLength.value = 0;
      }}
    >
      Count immediate changes
    </Button>
  );
}

/** `higher`: there are too many anomalies, not too few. */
export function Thresholds({ higher = false }: { readonly higher?: boolean }): JSX.Element | null {
  const known = model.outcomes.value;
  const now = state.anomalyRule.value.threshold;
  if (known === null) return null;
  const options = higher ? higherThresholds(known, now) : suggestedThresholds(known, now);
  if (options.length === 0) return null;
  return (
    <ul class="correlation-thresholds">
      {options.map((option) => (
        <li key={option.threshold}>
          <ThresholdButton option={option} />
        </li>
      ))}
    </ul>
  );
}

function ThresholdButton({ option }: { readonly option: ThresholdOutcome }): JSX.Element {
  const { threshold, classes, iterations } = option;
  return (
    <Button
      onClick={() => {
        state.threshold.value = threshold;
      }}
    >
      Threshold {formatCount(threshold)}: {countOf(iterations, 'iteration')} of{' '}
      {countOf(classes, 'class', 'classes')}
    </Button>
  );
}

/** Anomalies, but no layer: nothing changed strongly, or no mini-set is kept. */
export function NoRows(): JSX.Element {
  const some = (model.known.value?.rows.length ?? 0) > 0;
  const keep = state.correlationKeep.value;
  if (!some) {
    return (
      <EmptyState icon="info" title="No filter changed at the anomalies">
        <p>
          No filter's weights changed there, or their changes were not recorded. The first
          convolution and the last layer are left out unless all layers are considered.
        </p>
      </EmptyState>
    );
  }
  return (
    <EmptyState
      icon="info"
      title={`No mini-set reaches ${formatCount(keep)}`}
      actions={
        keep > 1 && (
          <Button
            onClick={() => {
              state.correlationKeep.value = Math.max(1, Math.floor(keep / 2));
            }}
          >
            Keep from {formatCount(Math.max(1, Math.floor(keep / 2)))}
          </Button>
        )
      }
    >
      <p>A mini-set is kept where its occurrences times its filters are at least that many.</p>
    </EmptyState>
  );
}
