import type { RefObject } from 'preact';
import { useCallback, useEffect, useId, useMemo, useRef, useState } from 'preact/hooks';
import type { Run, Snapshot } from '../client/types';
import { formatBytes } from '../scales/format';
import { Icon } from './Icon';
import { memo } from './memo';
import {
  bestMatch,
  filterSnapshots,
  formatTime,
  formatWord,
  positionSource,
  stateWord,
} from './snapshot-words';

const PAGE = 10;
/** Rows that are drawn together. */
const CHUNK = 50;
/** Rows that are there from the first moment. */
const AT_ONCE = 100;
/** As in SnapshotPicker.css, of a row that is not drawn yet. */
const ROW_HEIGHT = 30;

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
        .map((run) => ({ run, chunks: chunked(filterSnapshots(run.snapshots, query)) }))
        .filter(({ chunks }) => chunks.length > 0),
    [runs, query],
  );
  const shown = useMemo(() => groups.flatMap(({ chunks }) => chunks.flat()), [groups]);
  const choices = useMemo(() => shown.filter(({ state }) => state === 'ready'), [shown]);
  const optionId = (id: string) => `${prefix}${id}`;
  let before = 0;
  const latestChoose = useRef(onChoose);
  latestChoose.current = onChoose;
  const choose = useCallback((id: string) => latestChoose.current(id), []);

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
        {groups.map(({ run, chunks }) => (
          // biome-ignore lint/a11y/useSemanticElements: a listbox holds no fieldset
          <div key={run.name} role="group" aria-label={runTitle(run.name)}>
            <div class="snapshot-group" aria-hidden="true">
              <Icon name="folder" size={14} />
              {runTitle(run.name)}
            </div>
            {chunks.map((snapshots, index) => {
              const first = before;
              before += snapshots.length;
              const held = (id: string | null | undefined) =>
                snapshots.some((snapshot) => snapshot.id === id) ? (id ?? null) : null;
              return (
                <Chunk
                  key={index}
                  snapshots={snapshots}
                  first={first}
                  count={shown.length}
                  selected={held(value?.id)}
                  active={held(activeId)}
                  prefix={prefix}
                  list={list}
                  onChoose={choose}
                />
              );
            })}
          </div>
        ))}
        {shown.length === 0 && <p class="snapshot-none">No snapshot matches “{query}”.</p>}
      </div>
    </div>
  );
}

function chunked(snapshots: readonly Snapshot[]): readonly (readonly Snapshot[])[] {
  return Array.from({ length: Math.ceil(snapshots.length / CHUNK) }, (_, index) =>
    snapshots.slice(index * CHUNK, (index + 1) * CHUNK),
  );
}

interface ChunkProps {
  readonly snapshots: readonly Snapshot[];
  /** Place of its first row among all `count`. */
  readonly first: number;
  readonly count: number;
  /** Ids; null where the row is in another chunk. */
  readonly selected: string | null;
  readonly active: string | null;
  readonly prefix: string;
  readonly list: RefObject<HTMLDivElement | null>;
  readonly onChoose: (id: string) => void;
}

/** Some rows of a list that may have thousands: drawn once it comes near to what is seen. */
const Chunk = memo(function Chunk(props: ChunkProps) {
  const { snapshots, first, count, selected, active, prefix, list, onChoose } = props;
  const box = useRef<HTMLDivElement>(null);
  const [near, setNear] = useState(first < AT_ONCE);
  const drawn = near || active !== null;
  useEffect(() => {
    if (drawn || !box.current) return;
    const observer = new IntersectionObserver(
      (entries) => setNear(entries.some(({ isIntersecting }) => isIntersecting)),
      { root: list.current, rootMargin: '600px 0px' },
    );
    observer.observe(box.current);
    return () => observer.disconnect();
  }, [drawn, list]);
  if (!drawn) {
    return <div ref={box} role="none" style={{ height: `${snapshots.length * ROW_HEIGHT}px` }} />;
  }
  return (
    <div role="none">
      {snapshots.map((snapshot, index) => (
        <Row
          key={snapshot.id}
          id={`${prefix}${snapshot.id}`}
          snapshot={snapshot}
          place={first + index + 1}
          count={count}
          selected={snapshot.id === selected}
          active={snapshot.id === active}
          onChoose={onChoose}
        />
      ))}
    </div>
  );
});

interface RowProps {
  readonly id: string;
  readonly snapshot: Snapshot;
  readonly place: number;
  readonly count: number;
  readonly selected: boolean;
  readonly active: boolean;
  readonly onChoose: (id: string) => void;
}

/** Thousands of them: an arrow key draws only the two that it changes. */
const Row = memo(function Row(props: RowProps) {
  const { id, snapshot, place, count, selected, active, onChoose } = props;
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
      aria-posinset={place}
      aria-setsize={count}
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
});
