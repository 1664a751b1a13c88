/** A long computation: what is done, how far it is, and a way to end it. */
import type { JSX } from 'preact';
import { Button } from '../../elements/Button';
import { formatCount } from '../../scales/format';
import type { Resource } from '../../state/resources';

export interface ProgressProps<T> {
  readonly label: string;
  readonly resource: Resource<T>;
  readonly onCancel?: () => void;
}

export function Progress<T>({ label, resource, onCancel }: ProgressProps<T>): JSX.Element {
  const job = resource.status === 'loading' ? resource.job : null;
  const known = job !== null && job.total > 0;
  const percent = known ? Math.round((100 * job.done) / job.total) : undefined;
  return (
    <div class="perf-progress">
      <p>
        {job?.label ?? label}
        {known && (
          <span class="muted tabular">
            {' '}
            {formatCount(job.done)} of {formatCount(job.total)}
          </span>
        )}
      </p>
      <div
        class="perf-progress-track"
        role="progressbar"
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={percent}
      >
        <i
          data-unknown={known ? undefined : ''}
          style={known ? { width: `${percent}%` } : undefined}
        />
      </div>
      {onCancel && <Button onClick={onCancel}>Cancel</Button>}
    </div>
  );
}
