/** What nobody asked about but should know, most severe first, and where all numbers come from. */
import { useSignalEffect } from '@preact/signals';
import type { JSX } from 'preact';
import { useRef, useState } from 'preact/hooks';
import type { Finding, Training } from '../../client/types';
import { Button } from '../../elements/Button';
import { Icon, type IconName } from '../../elements/Icon';
import { Section } from '../../elements/Section';
import { formatCount } from '../../scales/format';
import { announce } from '../../state/environment';
import { findings, showEvidence } from '../../state/findings';
import { log, training } from '../../state/training';
import { adoptStyles } from '../../theme/styles';
import css from './findings.css?inline';

adoptStyles(css);

const SHOWN = 5;

const ICONS: Readonly<Record<Finding['severity'], IconName>> = {
  problem: 'warning',
  warning: 'warning',
  note: 'info',
};
const PLACES: Readonly<Record<Finding['view'], string>> = {
  layers: 'Layers',
  validation: 'Validation',
  forensics: 'What moved first',
  model: 'Model',
};

export function FindingsView(): JSX.Element | null {
  useNews();
  const known = log.value;
  if (known === null) return null;
  return (
    <Section
      id="findings"
      title="Findings"
      subtitle={known.note}
      toolbar={known.state === 'indexing' ? <Progress training={known} /> : undefined}
      timeless
    >
      <Stale />
      <List known={known} />
      <Problems problems={known.problems} />
      {known.origin === 'derived' && <Hint />}
    </Section>
  );
}

/** A screen reader hears of findings that come while the page is open. */
function useNews(): void {
  const heard = useRef<ReadonlySet<string> | null>(null);
  useSignalEffect(() => {
    const now = findings.value;
    const before = heard.current;
    heard.current = new Set(now.map(({ id }) => id));
    const fresh = before === null ? [] : now.filter(({ id }) => !before.has(id));
    if (fresh[0]) announce(`New finding: ${fresh[0].text}`);
  });
}

function List({ known }: { readonly known: Training }): JSX.Element {
  const [all, setAll] = useState(false);
  const found = findings.value;
  const examined = useExamined(known);
  if (found.length === 0) return <p class="findings-none muted">{noneWords(known, examined)}</p>;
  const shown = all ? found : found.slice(0, SHOWN);
  return (
    <>
      <ul class="findings">
        {shown.map((finding) => (
          <li key={finding.id}>
            <Row finding={finding} />
          </li>
        ))}
      </ul>
      {found.length > SHOWN && (
        <Button variant="text" class="findings-more" onClick={() => setAll(!all)}>
          {all ? 'Show fewer' : `Show all ${formatCount(found.length)}`}
        </Button>
      )}
    </>
  );
}

/** Whether this run was examined since the page was opened, at whatever version. */
function useExamined({ run, examined }: Training): boolean {
  const last = useRef<string | null>(null);
  if (examined) last.current = run;
  return last.current === run;
}

/** While a log grows it is examined again and again: what is known of it stays on show. */
function noneWords({ state, examined }: Training, before: boolean): string {
  if (state === 'indexing' || !before) return 'Looking for anything unusual…';
  return examined ? 'Nothing unusual was found.' : 'Nothing unusual was found so far.';
}

function Row({ finding }: { readonly finding: Finding }): JSX.Element {
  const { severity, text, view } = finding;
  return (
    <button
      type="button"
      class="finding"
      data-severity={severity}
      title={`Show it: ${PLACES[view]}`}
      onClick={() => showEvidence(finding)}
    >
      <Icon name={ICONS[severity]} />
      <span class="visually-hidden">{severity}: </span>
      <span class="finding-text">{text}</span>
      <span class="finding-place">
        {PLACES[view]}
        <Icon name="chevron" size={14} />
      </span>
    </button>
  );
}

function Progress({ training: { done, total } }: { readonly training: Training }): JSX.Element {
  const percent = total > 0 ? Math.round((100 * done) / total) : 0;
  return (
    <span class="findings-progress muted tabular">
      <span
        class="findings-progress-track"
        role="progressbar"
        aria-label="Computing statistics from snapshots"
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={percent}
      >
        <i style={{ width: `${percent}%` }} />
      </span>
      {formatCount(done)} of {formatCount(total)} pairs of snapshots
    </span>
  );
}

function Stale(): JSX.Element | null {
  const resource = training.value;
  if (resource.status !== 'failed') return null;
  return (
    <p class="findings-problem" role="alert">
      <Icon name="warning" size={14} />
      Not up to date. {resource.failure.message}
    </p>
  );
}

/** What of the log could not be read. */
function Problems({ problems }: { readonly problems: readonly string[] }): JSX.Element | null {
  const [open, setOpen] = useState(false);
  if (problems.length === 0) return null;
  const count = problems.length === 1 ? '1 part' : `${formatCount(problems.length)} parts`;
  return (
    <div class="findings-problem">
      <Icon name="warning" size={14} />
      <span>{count} of the log cannot be read.</span>
      <Button variant="text" aria-expanded={open} onClick={() => setOpen(!open)}>
        {open ? 'Hide details' : 'Details'}
      </Button>
      {open && (
        <ul>
          {problems.map((problem) => (
            <li key={problem}>{problem}</li>
          ))}
        </ul>
      )}
    </div>
  );
}

function Hint(): JSX.Element {
  return (
    <p class="findings-hint muted">
      Gradients, every step and the predictions of probe images are known where training records
      them: add <code>SnapshotCallback(logdir)</code> to the callbacks.
    </p>
  );
}
