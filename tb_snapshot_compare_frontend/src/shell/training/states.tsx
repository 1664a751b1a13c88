/** What the Training page shows instead of charts. */
import type { JSX } from 'preact';
import type { Training } from '../../client/types';
import { EmptyState } from '../../elements/EmptyState';
import { formatCount } from '../../scales/format';
import { latest, listing } from '../../state/resources';
import { Snippet } from '../states';
import { callbackSnippet } from './callback-snippet';

/** Before the first answer: the page's own outline. */
export function TrainingSkeleton(): JSX.Element {
  return (
    <div class="skeleton" role="status" aria-label="Loading">
      <div class="skeleton-card training-skeleton-head">
        <span style={{ width: '260px' }} />
      </div>
      <div class="skeleton-row">
        <div class="skeleton-card">
          <span style={{ width: '180px' }} />
        </div>
      </div>
    </div>
  );
}

/** Neither recorded nor to be had from snapshots: says how to record. */
export function NothingRecorded({ training }: { readonly training: Training }): JSX.Element {
  const root = latest(listing.value)?.roots[0]?.path ?? 'logs';
  return (
    <div class="shell-instead">
      <EmptyState icon="info" title="Nothing is known of this training yet">
        <p>{training.note}</p>
        <p>
          Two snapshots of a run are enough for the changes of its layers. One callback records all
          there is: losses, gradients and updates of every filter, predictions of probe images.
        </p>
        <Snippet text={callbackSnippet(root, training.run)} />
        <p>
          What is recorded appears here while the training runs. Training programs without Keras
          hand their arrays to <code>tb_snapshot_compare.Recorder</code>.
        </p>
      </EmptyState>
    </div>
  );
}

/** Before the first pair of snapshots is known. */
export function Indexing({ training }: { readonly training: Training }): JSX.Element {
  const { note, done, total } = training;
  return (
    <div class="shell-instead">
      <EmptyState icon="search" title="Computing statistics from snapshots…">
        <p>{note}</p>
        <div
          class="indexing-track"
          role="progressbar"
          aria-label="Pairs of snapshots"
          aria-valuemin={0}
          aria-valuemax={total}
          aria-valuenow={done}
        >
          <i style={{ width: `${total > 0 ? (100 * done) / total : 0}%` }} />
        </div>
        <p class="tabular">
          {formatCount(done)} of {formatCount(total)} pairs of snapshots. Charts appear with the
          first.
        </p>
      </EmptyState>
    </div>
  );
}
