/** What the view shows instead of its rows: each says what is the case and what to do. */
import type { JSX } from 'preact';
import { EmptyState } from '../../elements/EmptyState';
import { probeProblem } from '../../state/training';

export function NoPasses(): JSX.Element {
  const problem = probeProblem.value;
  if (problem !== null) {
    return (
      <EmptyState icon="info" title="No validation passes were recorded">
        <p>{problem}</p>
      </EmptyState>
    );
  }
  return (
    <EmptyState icon="info" title="No validation passes were recorded">
      <p>
        Which images were predicted correctly, and when, is known where the training program records
        it: give <code>SnapshotCallback(logdir, probe_data=...)</code> labelled images, and every
        pass over them is shown here.
      </p>
    </EmptyState>
  );
}

export function NoLabels(): JSX.Element {
  return (
    <EmptyState icon="info" title="The probe images have no labels">
      <p>
        Without labels there is no right or wrong. Give <code>probe_data=(images, labels)</code> to
        the recorder to see the error of every class over time.
      </p>
    </EmptyState>
  );
}

export function Skeleton(): JSX.Element {
  return (
    <div class="validation-waiting" role="status" aria-label="Reading the validation passes">
      {[0, 1, 2, 3].map((row) => (
        <i key={row} />
      ))}
    </div>
  );
}
