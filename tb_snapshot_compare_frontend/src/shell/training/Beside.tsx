/** Choosing a second run, and which of the two is which. */
import type { JSX } from 'preact';
import { stepWords } from '../../elements/axis-words';
import { Button } from '../../elements/Button';
import { Icon } from '../../elements/Icon';
import { RunName } from '../../elements/RunMark';
import { Select } from '../../elements/Select';
import { retryFailed } from '../../state/environment';
import { log, otherLog } from '../../state/training';
import { otherRun, otherTraining } from '../../state/training-other';
import { comparableRuns, ownTitle, titleOf } from '../../state/training-pair';
import { adoptStyles } from '../../theme/styles';
import css from './beside.css?inline';
import { besideNote } from './beside-words';

adoptStyles(css);

/** An address knows no run of this name. */
const NONE = '';

export function BesideChoice(): JSX.Element | null {
  const able = comparableRuns.value;
  const chosen = otherRun.value;
  if (able.length === 0 && chosen === null) return null;
  const listed = chosen === null || able.includes(chosen) ? able : [...able, chosen];
  return (
    <Select
      label="Compare with"
      title="Shows the rows of another run below the same rows of this one, aligned by step"
      value={chosen ?? NONE}
      options={[
        { value: NONE, label: 'no other run' },
        ...listed.map((name) => ({ value: name, label: titleOf(name) })),
      ]}
      onChange={(name) => {
        otherRun.value = name === NONE ? null : name;
      }}
    />
  );
}

/** Which mark means which run, what is to be known of the other, and the way back to one. */
export function BesideBar(): JSX.Element | null {
  const own = log.value;
  const name = otherRun.value;
  if (own === null || name === null) return null;
  const title = titleOf(name);
  const resource = otherTraining.value;
  const note = besideNote(own, title, resource);
  const beside = otherLog.value;
  const last = beside && Math.max(beside.dumps.at(-1) ?? 0, beside.passes.at(-1) ?? 0);
  return (
    <fieldset class="beside" aria-label="Runs compared">
      <span class="beside-run">
        <RunName which="own" name={ownTitle.value} />
      </span>
      <span class="beside-run" data-apart={note?.tone === 'apart' ? '' : undefined}>
        <RunName which="other" name={title} />
        {beside && last !== null && last > 0 && (
          <span class="muted tabular" title={beside.note}>
            to {stepWords(last)}
            {beside.origin === 'derived' && ', from snapshots'}
          </span>
        )}
      </span>
      <Button
        variant="icon"
        label={`Stop comparing with ${title}`}
        onClick={() => {
          otherRun.value = null;
        }}
      >
        <Icon name="close" size={14} />
      </Button>
      <span class="beside-note" role="status" data-tone={note?.tone}>
        {note?.tone === 'apart' && <Icon name="warning" size={14} />}
        {note && <span title={note.text}>{note.text}</span>}
      </span>
      {resource.status === 'failed' && (
        <Button variant="text" onClick={retryFailed}>
          Try again
        </Button>
      )}
    </fieldset>
  );
}
