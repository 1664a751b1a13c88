import { useEffect, useId, useMemo, useRef, useState } from 'preact/hooks';
import type { Run, Snapshot } from '../client/types';
import { formatBytes } from '../scales/format';
import { Icon } from './Icon';
import {
  bestMatch,
  filterSnapshots,
  formatTime,
  formatWord,
  positionSource,
  stateWord,
} from './snapshot-words';

const PAGE = 10;

export interface SnapshotListProps {
  readonly label: string;
  readonly runs: readonly Run[];
  readonly value: Snapshot | null;
  readonly onChoose: (id: string) => void;
  readonly runTitle: (run: string) => string;
}

/** A search field over a list that is grouped by run; arrows move, Enter chooses. */
export function SnapshotList({ label, runs, value, onChoose, runTitle }: SnapshotListProps) {
  const [query, setQuery] = useState('');
  const [activeId, setActiveId] = useState<string | null>(value?.id ?? null);
  const input = useRef<HTMLInputElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const prefix = useId();

  const groups = useMemo(
    () =>
      runs
        .map((run) => ({ run, snapshots: filterSnapshots(run.snapshots, query) }))
        .filter(({ snapshots }) => snapshots.length > 0),
    [runs, query],
  );
  const shown = groups.flatMap(({ snapshots }) => snapshots);
  const choices = shown.filter((snapshot) => snapshot.state === 'ready');
  const optionId = (id: string) => `${prefix}${id}`;

  useEffect(() => input.current?.focus(), []);
  useEffect(() => {
    if (activeId) document.getElementById(optionId(activeId))?.scrollIntoView({ block: 'nearest' });
  }, [activeId]);

  const search = (text: string) => {
    setQuery(text);
    const found = runs.flatMap((run) => filterSnapshots(run.snapshots, text));
    setActiveId(found[bestMatch(found, text)]?.id ?? null);
  };

  const onKeyDown = (event: KeyboardEvent) => {
    const current = choices.findIndex(({ id }) => id === activeId);
    const last = choices.length - 1;
    const target = {
      ArrowDown: Math.min(last, current + 1),
      ArrowUp: Math.max(0, current - 1),
      PageDown: Math.min(last, current + PAGE),
      PageUp: Math.max(0, current - PAGE),
      Home: 0,
      End: last,
    }[event.key];
    if (target !== undefined) {
      event.preventDefault();
      setActiveId(choices[target]?.id ?? null);
    } else if (event.key === 'Enter' && activeId && current >= 0) {
      event.preventDefault();
      onChoose(activeId);
    }
  };

  return (
    <div class="snapshot-list">
      <div class="snapshot-search">
        <Icon name="search" />
        <input
          ref={input}
          type="text"
          role="combobox"
          aria-label={`${label}: search`}
          aria-expanded="true"
          aria-controls={`${prefix}list`}
          aria-activedescendant={activeId ? optionId(activeId) : undefined}
          aria-autocomplete="list"
          autocomplete="off"
          spellcheck={false}
          placeholder="Search: epoch, step, name, run, format"
          value={query}
          onKeyDown={onKeyDown}
          onInput={(event) => search(event.currentTarget.value)}
        />
        <span class="muted tabular">{shown.length}</span>
      </div>
      <div ref={list} id={`${prefix}list`} role="listbox" aria-label={label} class="snapshot-rows">
        {groups.map(({ run, snapshots }) => (
          // biome-ignore lint/a11y/useSemanticElements: a listbox holds no fieldset
          <div key={run.name} role="group" aria-label={runTitle(run.name)}>
            <div class="snapshot-group" aria-hidden="true">
              <Icon name="folder" size={14} />
              {runTitle(run.name)}
            </div>
            {snapshots.map((snapshot) => (
              <Row
                key={snapshot.id}
                id={optionId(snapshot.id)}
                snapshot={snapshot}
                selected={snapshot.id === value?.id}
                active={snapshot.id === activeId}
                onChoose={onChoose}
              />
            ))}
          </div>
        ))}
        {shown.length === 0 && <p class="snapshot-none">No snapshot matches “{query}”.</p>}
      </div>
    </div>
  );
}

interface RowProps {
  readonly id: string;
  readonly snapshot: Snapshot;
  readonly selected: boolean;
  readonly active: boolean;
  readonly onChoose: (id: string) => void;
}

function Row({ id, snapshot, selected, active, onChoose }: RowProps) {
  const ready = snapshot.state === 'ready';
  return (
    // The keyboard acts on the search field, which owns the list (ARIA combobox pattern).
    // biome-ignore lint/a11y/useKeyWithClickEvents: see above
    // biome-ignore lint/a11y/useFocusableInteractive: see above
    <div
      id={id}
      role="option"
      class="snapshot-row tabular"
      data-state={snapshot.state}
      data-active={active ? '' : undefined}
      aria-selected={selected}
      aria-disabled={!ready}
      title={positionSource(snapshot) ?? undefined}
      onClick={() => ready && onChoose(snapshot.id)}
    >
      <span class="snapshot-check">{selected && <Icon name="check" size={14} />}</span>
      <span class="snapshot-label">
        {snapshot.label}
        {snapshot.name !== snapshot.label && <span class="snapshot-name">{snapshot.name}</span>}
      </span>
      <span class="snapshot-formats">{snapshot.formats.map(formatWord).join(', ')}</span>
      <span class="snapshot-size">{formatBytes(snapshot.size)}</span>
      <span class="snapshot-time">{formatTime(snapshot.modified)}</span>
      {!ready && (
        <span class="snapshot-reason">
          {stateWord(snapshot)}
          {snapshot.reason && `: ${snapshot.reason}`}
        </span>
      )}
    </div>
  );
}
