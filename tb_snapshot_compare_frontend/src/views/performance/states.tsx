/** What the view shows instead of its contents: each says what is the case and what to do. */
import type { JSX } from 'preact';
import type { ImageSets, ProbeModel } from '../../client/types';
import { Button } from '../../elements/Button';
import { EmptyState, FailureState } from '../../elements/EmptyState';
import { modelAttempt } from '../../state/probing';
import type { Failure } from '../../state/resources';
import { UploadButton, UploadProblems } from './Upload';

export function NoImages({ sets: { sets } }: { readonly sets: ImageSets }): JSX.Element {
  const problems = sets.map(({ problem }) => problem).filter((problem) => problem !== null);
  return (
    <EmptyState icon="folder" title="No probe images yet" actions={<UploadButton primary />}>
      <p>Both snapshots are asked about the same pictures. Give some in one of these ways:</p>
      <ul class="perf-ways">
        <li>
          start TensorBoard with <code>--snapshot_compare_images DIR</code>: a folder for each
          class, or one flat folder;
        </li>
        <li>
          put a folder <code>probe_images</code> into the run, beside its snapshots;
        </li>
        <li>log image summaries with TensorFlow;</li>
        <li>drop PNG or JPEG files here, or upload them.</li>
      </ul>
      {problems.map((problem) => (
        <p key={problem}>{problem}</p>
      ))}
      <UploadProblems />
    </EmptyState>
  );
}

export function ModelUnavailable({ model }: { readonly model: ProbeModel }): JSX.Element {
  return (
    <EmptyState
      icon="warning"
      title="These snapshots cannot be run"
      actions={<Button onClick={lookAgain}>Look again</Button>}
    >
      <p>{model.reason ?? 'The server does not say why.'}</p>
      {model.remedy && <p>{model.remedy}</p>}
    </EmptyState>
  );
}

export function ModelFailed({ failure }: { readonly failure: Failure }): JSX.Element {
  return <FailureState title="The networks could not be built" failure={failure} />;
}

/** Grey where pictures and bars will be. */
export function Skeleton({ label }: { readonly label: string }): JSX.Element {
  return (
    <div class="perf-skeleton" role="status" aria-label={label}>
      <i class="perf-skeleton-picture" />
      <div>
        {[38, 72, 24, 90, 55, 16].map((width) => (
          <i key={width} style={{ width: `${width}%` }} />
        ))}
      </div>
    </div>
  );
}

/** In the place of one result while it is computed. */
export function Waiting({ label }: { readonly label: string }): JSX.Element {
  return (
    <p class="perf-waiting muted" role="status">
      {label}…
    </p>
  );
}

/** Beside a result: what holds for it. */
export function Note({ children }: { readonly children: string }): JSX.Element {
  return (
    <p class="perf-info" role="note">
      {children}
    </p>
  );
}

/** In the place of one result: why there is none. */
export function Hint({ children }: { readonly children: JSX.Element | string }): JSX.Element {
  return <div class="perf-hint muted">{children}</div>;
}

function lookAgain(): void {
  modelAttempt.value += 1;
}
