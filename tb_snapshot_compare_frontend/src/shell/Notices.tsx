import { computed, effect } from '@preact/signals';
import { useEffect, useRef, useState } from 'preact/hooks';
import { Button } from '../elements/Button';
import { Icon } from '../elements/Icon';
import { retryFailed } from '../state/environment';
import { dismiss, forgetEnded, isDismissed, type Notice, raised } from '../state/notices';
import { comparison, latest, listing } from '../state/resources';
import { a, b } from '../state/selection';
import { isGone, snapshotsById } from '../state/snapshots';
import { standingOf } from '../state/standing';
import { page } from '../state/training';

/** What follows from the state, besides what was raised by an event. */
const standing = computed<readonly Notice[]>(() => [
  ...lostConnection(),
  ...rootProblems(),
  ...brokenSnapshots(),
  ...(page.value === 'compare' ? aboutPair() : []),
]);

function aboutPair(): readonly Notice[] {
  return [
    ...failedComparison(),
    ...standingOf('a'),
    ...(a.value === b.value ? [] : standingOf('b')),
    ...samePair(),
  ];
}

export function Notices() {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => effect(() => forgetEnded(standing.value)), []);
  const all = [...standing.value, ...raised.value].filter((notice) => !isDismissed(notice));
  if (all.length === 0) return null;
  return (
    <div ref={box} class="notices">
      {all.map((notice) => (
        <NoticeBar
          key={notice.id}
          notice={notice}
          onDismiss={(button) => {
            focusNext(box.current, button);
            dismiss(notice);
          }}
        />
      ))}
    </div>
  );
}

/** The focus stays near: on the notice that follows, else the one before, else the panels. */
function focusNext(box: HTMLElement | null, button: HTMLElement): void {
  const buttons = [...(box?.querySelectorAll<HTMLElement>('.notice-dismiss') ?? [])];
  const at = buttons.indexOf(button);
  const next = buttons[at + 1] ?? buttons[at - 1];
  (next ?? document.querySelector<HTMLElement>('.shell-main'))?.focus({ preventScroll: true });
}

interface NoticeBarProps {
  readonly notice: Notice;
  readonly onDismiss: (button: HTMLElement) => void;
}

function NoticeBar({ notice, onDismiss }: NoticeBarProps) {
  const [open, setOpen] = useState(false);
  const { tone, text, details, action } = notice;
  return (
    <div class="notice" data-tone={tone} role={tone === 'error' ? 'alert' : 'status'}>
      <Icon name={tone === 'info' ? 'info' : 'warning'} />
      <div class="notice-text">
        {text}
        {details && (
          <Button variant="text" aria-expanded={open} onClick={() => setOpen(!open)}>
            {open ? 'Hide details' : 'Details'}
          </Button>
        )}
        {open && details && (
          <ul>
            {details.map((line) => (
              <li key={line}>{line}</li>
            ))}
          </ul>
        )}
      </div>
      {action && <Button onClick={action.run}>{action.label}</Button>}
      <Button
        variant="icon"
        label="Dismiss"
        class="notice-dismiss"
        onClick={(event) => onDismiss(event.currentTarget)}
      >
        <Icon name="close" />
      </Button>
    </div>
  );
}

function lostConnection(): Notice[] {
  const resource = listing.value;
  if (resource.status !== 'failed' || !resource.stale) return [];
  const text = `The list of snapshots is not up to date. ${resource.failure.message}`;
  const action = { label: 'Try again', run: retryFailed };
  return [{ id: 'lost-connection', tone: 'error', text, action }];
}

function failedComparison(): Notice[] {
  const resource = comparison.value;
  if (resource.status !== 'failed') return [];
  // To try again is no remedy, and what is one is said of the snapshot.
  if (isGone(a.value) || isGone(b.value)) return [];
  const action = { label: 'Try again', run: retryFailed };
  const text = `a and b could not be compared. ${resource.failure.message}`;
  return [{ id: 'comparison', tone: 'error', text, action }];
}

function rootProblems(): Notice[] {
  const roots = latest(listing.value)?.roots ?? [];
  return roots.flatMap(({ path, problem }) =>
    problem === null
      ? []
      : [{ id: `root ${path}`, tone: 'warning' as const, text: `${path}: ${problem}` }],
  );
}

function brokenSnapshots(): Notice[] {
  const broken = [...snapshotsById.value.values()].filter(({ state }) => state === 'broken');
  if (broken.length === 0) return [];
  const one = broken[0];
  const reason = one?.reason ?? 'its files are damaged';
  const says = reason.includes('cannot be read') ? ':' : ' cannot be read:';
  const text =
    broken.length === 1 && one
      ? `Snapshot ${one.label}${says} ${reason}`
      : `${broken.length} of ${snapshotsById.value.size} snapshots cannot be read.`;
  const details = broken.map(
    ({ label, name, reason }) => `${label} (${name}): ${reason ?? 'damaged'}`,
  );
  return [{ id: 'broken', tone: 'warning', text, ...(broken.length > 1 ? { details } : {}) }];
}

function samePair(): Notice[] {
  if (a.value === null || a.value !== b.value) return [];
  const text = 'a and b are the same snapshot: every difference is zero.';
  return [{ id: 'same', tone: 'info', text }];
}
