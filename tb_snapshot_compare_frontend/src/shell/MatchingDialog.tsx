import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { Matches } from '../client/types';
import { Button } from '../elements/Button';
import { FailureState } from '../elements/EmptyState';
import { Icon } from '../elements/Icon';
import { download } from '../render/export';
import { formatCount } from '../scales/format';
import {
  correcting,
  corrector,
  filtered,
  type MatchRow,
  matches,
  matchingShown,
  matchRows,
  RULES,
  type RuleKey,
  refusal,
  undoable,
  unsaved,
} from '../state/matching';
import { pairWords } from '../state/pair-words';
import { isStale, latest } from '../state/resources';
import { adoptStyles } from '../theme/styles';
import { MatchingTable } from './MatchingTable';
import css from './matching.css?inline';

adoptStyles(css);

/** Which tensor of a is compared with which of b, why, and the choice of another. */
export function MatchingDialog() {
  const element = useRef<HTMLDialogElement>(null);
  const leaving = useSignal(false);
  const text = useSignal('');
  const rule = useSignal<RuleKey | null>(null);
  useEffect(() => element.current?.showModal(), []);

  const close = () => {
    // The page behind takes the focus only once the dialog is gone.
    element.current?.close();
    matchingShown.value = false;
    document.querySelector<HTMLElement>('button.coverage')?.focus();
  };
  const leave = () => {
    if (unsaved.value) leaving.value = true;
    else close();
  };
  const saveAndClose = async () => {
    await corrector.value?.save();
    if (unsaved.value) leaving.value = false;
    else close();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    // The page behind has shortcuts of its own.
    event.stopPropagation();
    if (event.key !== 'Escape') return;
    event.preventDefault();
    leave();
  };

  const resource = matches.value;
  const found = latest(resource);
  const rows = filtered(matchRows.value, rule.value, text.value);
  return (
    <dialog
      ref={element}
      class="matching"
      aria-labelledby="matching-title"
      onKeyDown={onKeyDown}
      onCancel={(event) => {
        event.preventDefault();
        leave();
      }}
      onClose={() => {
        matchingShown.value = false;
      }}
    >
      <header class="matching-header">
        <h2 id="matching-title">Matching of tensors</h2>
        <span class="muted tabular">{pairWords()?.join(' compared with ')}</span>
        <Button variant="icon" label="Close" onClick={leave}>
          <Icon name="close" />
        </Button>
      </header>
      {resource.status === 'failed' && (
        <FailureState title="The tensors could not be matched" failure={resource.failure} />
      )}
      {found && (
        <>
          <Filters text={text} rule={rule} rows={matchRows.value} />
          {refusal.value !== null && (
            <p class="matching-refusal" role="alert">
              <Icon name="warning" size={14} /> {refusal.value}
            </p>
          )}
          <MatchingTable found={found} rows={rows} busy={correcting.value || isStale(resource)} />
          {leaving.value ? (
            <Leaving
              onSave={saveAndClose}
              onDiscard={close}
              onStay={() => (leaving.value = false)}
            />
          ) : (
            <Commands found={found} />
          )}
        </>
      )}
      {!found && resource.status !== 'failed' && <p class="matching-wait muted">Matching…</p>}
    </dialog>
  );
}

interface FiltersProps {
  readonly text: { value: string };
  readonly rule: { value: RuleKey | null };
  readonly rows: readonly MatchRow[];
}

function Filters({ text, rule, rows }: FiltersProps) {
  const count = (key: RuleKey) => rows.filter((row) => row.rule === key).length;
  return (
    <div class="matching-filters">
      <label class="matching-search">
        <Icon name="search" />
        <span class="visually-hidden">Filter tensors by name</span>
        <input
          type="search"
          placeholder="Filter by name"
          value={text.value}
          onInput={(event) => {
            text.value = event.currentTarget.value;
          }}
        />
      </label>
      <fieldset class="matching-rules" aria-label="Rules">
        {RULES.map(({ key, label, title }) => ({ key, label, title, number: count(key) }))
          .filter(({ key, number }) => number > 0 || rule.value === key)
          .map(({ key, label, title, number }) => (
            <button
              key={key}
              type="button"
              class="rule-chip tabular"
              data-rule={key}
              title={title}
              aria-pressed={rule.value === key}
              onClick={() => {
                rule.value = rule.value === key ? null : key;
              }}
            >
              {label} <strong>{formatCount(number)}</strong>
            </button>
          ))}
      </fieldset>
    </div>
  );
}

function Commands({ found }: { readonly found: Matches }) {
  const doing = corrector.value;
  const busy = correcting.value;
  const chosen = found.corrections.length;
  const words = `${formatCount(chosen)} ${chosen === 1 ? 'choice' : 'choices'}`;
  const state = unsaved.value
    ? 'Not saved: the numbers are still those of before.'
    : found.saved
      ? 'They hold for all snapshots of these two networks.'
      : 'There is no cache directory: they last until TensorBoard ends.';
  return (
    <footer class="matching-footer">
      <span class="matching-state muted tabular">
        {chosen > 0 || unsaved.value ? `${words}. ${state}` : 'Nothing was chosen by hand.'}
      </span>
      <Button onClick={() => exportFile(found)} title="For tb-snapshot-compare diff --match">
        Export file
      </Button>
      <Button
        disabled={busy || chosen === 0}
        onClick={() => void doing?.clear()}
        title="Everything as the rules say"
      >
        Remove all choices
      </Button>
      <Button disabled={busy || undoable.value.length === 0} onClick={() => void doing?.undo()}>
        Undo
      </Button>
      <Button
        variant="primary"
        disabled={busy || !unsaved.value}
        onClick={() => void doing?.save()}
      >
        Save
      </Button>
    </footer>
  );
}

interface LeavingProps {
  readonly onSave: () => void;
  readonly onDiscard: () => void;
  readonly onStay: () => void;
}

function Leaving({ onSave, onDiscard, onStay }: LeavingProps) {
  const element = useRef<HTMLElement>(null);
  useEffect(() => element.current?.querySelector('button')?.focus(), []);
  return (
    <footer ref={element} class="matching-footer">
      <span class="matching-state" role="alert">
        The choices are not saved.
      </span>
      <Button onClick={onStay}>Stay</Button>
      <Button onClick={onDiscard}>Discard</Button>
      <Button variant="primary" onClick={onSave}>
        Save and close
      </Button>
    </footer>
  );
}

/** What the command line takes with `--match`: all pairs, and what the user left alone. */
function exportFile({ pairs, corrections }: Matches): void {
  const alone = corrections.filter(({ a, b }) => a === null || b === null);
  const all = [...pairs.map(({ a, b }) => ({ a, b })), ...alone];
  const text = `${JSON.stringify({ version: 1, matches: all }, null, 1)}\n`;
  download(new Blob([text], { type: 'application/json' }), 'matches.json');
}
