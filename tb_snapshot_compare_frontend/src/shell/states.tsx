/** What the page shows instead of panels: each says what is the case and what to do. */
import { Fragment } from 'preact';
import { useState } from 'preact/hooks';
import type { Listing, Snapshot } from '../client/types';
import { Button } from '../elements/Button';
import { EmptyState } from '../elements/EmptyState';
import { Icon } from '../elements/Icon';
import { SideBadge } from '../elements/SideBadge';
import { formatTime, formatWord, stateWord } from '../elements/snapshot-words';
import { copyText } from '../host/clipboard';
import { formatBytes } from '../scales/format';
import type { Side } from '../state/snapshots';

const ROWS_MAX = 8;

/** Before the first answer: the page's own outline. */
export function Skeleton() {
  return (
    <div class="skeleton" role="status" aria-label="Loading">
      <div class="skeleton-card skeleton-header">
        <span style={{ width: '220px' }} />
        <span style={{ width: '220px' }} />
        <span style={{ width: '180px' }} />
      </div>
      <div class="skeleton-card skeleton-timeline">
        <span style={{ width: '120px' }} />
      </div>
      <div class="skeleton-row">
        <div class="skeleton-card">
          <span style={{ width: '200px' }} />
        </div>
        <div class="skeleton-card">
          <span style={{ width: '180px' }} />
        </div>
      </div>
    </div>
  );
}

export function Scanning({ listing }: { readonly listing: Listing }) {
  return (
    <EmptyState icon="search" title="Looking for snapshots…">
      <p>
        Going through <Roots listing={listing} />. Snapshots appear here as they are found.
      </p>
      <div class="scanning-bar" aria-hidden="true" />
    </EmptyState>
  );
}

export function EmptyLogdir({ listing }: { readonly listing: Listing }) {
  return (
    <EmptyState icon="folder" title="No snapshots in the logdir yet">
      <p>
        Looked in <Roots listing={listing} /> and the directories below for <code>.keras</code>,{' '}
        <code>.weights.h5</code>, <code>.h5</code>, TensorFlow checkpoints and SavedModels,{' '}
        <code>.safetensors</code>, PyTorch, Orbax and <code>.npz</code> files.
      </p>
      <p>Keras writes a snapshot after every epoch with its own callback:</p>
      <Snippet text={kerasSnippet(listing.roots[0]?.path ?? 'logs')} />
      <p>New snapshots appear here by themselves.</p>
    </EmptyState>
  );
}

export function NoneReady({ snapshots }: { readonly snapshots: readonly Snapshot[] }) {
  const written = snapshots.some(({ state }) => state === 'being_written');
  return (
    <EmptyState icon={written ? 'info' : 'warning'} title="No snapshot can be read yet">
      <p>
        {written
          ? 'A snapshot that is being written can be chosen as soon as it is complete.'
          : 'None of the files that were found is a whole snapshot. Write them again, or remove them.'}
      </p>
      <SnapshotTable snapshots={snapshots} />
    </EmptyState>
  );
}

export function OnlyOne({ snapshots }: { readonly snapshots: readonly Snapshot[] }) {
  return (
    <EmptyState icon="info" title="One snapshot so far; a comparison needs two">
      <p>The next one appears here by itself and is compared with this one.</p>
      <SnapshotTable snapshots={snapshots} />
    </EmptyState>
  );
}

/** A side was chosen, and its files are not whole. */
export function SideNotReady({
  side,
  snapshot,
}: {
  readonly side: Side;
  readonly snapshot: Snapshot;
}) {
  const written = snapshot.state === 'being_written';
  return (
    <EmptyState
      icon={written ? 'info' : 'warning'}
      title={`${snapshot.label} ${written ? 'is being written' : 'cannot be read'}`}
    >
      <p>
        <SideBadge side={side} /> {snapshot.reason ?? ''}
      </p>
      <p>
        {written
          ? 'The comparison appears as soon as the file is complete.'
          : 'Choose another snapshot above, or on the timeline.'}
      </p>
    </EmptyState>
  );
}

export function NothingChosen() {
  return (
    <EmptyState icon="swap" title="Choose two snapshots to compare">
      <p>In the lists above, or by dragging a and b on the timeline.</p>
    </EmptyState>
  );
}

/** What makes Keras write a snapshot per epoch into `logdir`, in three lines. */
export function kerasSnippet(logdir: string): string {
  const pattern = JSON.stringify(`${logdir.replace(/\/+$/, '')}/epoch-{epoch:03d}.keras`);
  return [
    'save = keras.callbacks.ModelCheckpoint(',
    `    ${pattern})`,
    'model.fit(x, y, epochs=40, callbacks=[save])',
  ].join('\n');
}

function Roots({ listing: { roots } }: { readonly listing: Listing }) {
  if (roots.length === 0) return <>the logdir</>;
  return (
    <>
      {roots.map(({ path }, index) => (
        <Fragment key={path}>
          {index > 0 && ', '}
          <code>{path}</code>
        </Fragment>
      ))}
    </>
  );
}

export function Snippet({ text }: { readonly text: string }) {
  const [copied, setCopied] = useState(false);
  return (
    <div class="snippet">
      <pre>{text}</pre>
      <Button
        variant="icon"
        label={copied ? 'Copied' : 'Copy'}
        onClick={() => void copyText(text).then(setCopied)}
      >
        <Icon name={copied ? 'check' : 'copy'} />
      </Button>
    </div>
  );
}

function SnapshotTable({ snapshots }: { readonly snapshots: readonly Snapshot[] }) {
  return (
    <table class="snapshot-table tabular">
      <thead>
        <tr>
          <th>Snapshot</th>
          <th>Formats</th>
          <th>Size</th>
          <th>Written</th>
          <th>State</th>
        </tr>
      </thead>
      <tbody>
        {snapshots.slice(0, ROWS_MAX).map((snapshot) => (
          <tr key={snapshot.id}>
            <td>{snapshot.label}</td>
            <td>{snapshot.formats.map(formatWord).join(', ')}</td>
            <td>{formatBytes(snapshot.size)}</td>
            <td>{formatTime(snapshot.modified)}</td>
            <td data-state={snapshot.state}>
              {stateWord(snapshot)}
              {snapshot.reason && `: ${snapshot.reason}`}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
