import { useState } from 'preact/hooks';
import type { Run, Snapshot } from '../client/types';
import { adoptStyles } from '../theme/styles';
import { Icon } from './Icon';
import { Popover } from './Popover';
import { SideBadge } from './SideBadge';
import { SnapshotList } from './SnapshotList';
import css from './SnapshotPicker.css?inline';

adoptStyles(css);

export interface SnapshotPickerProps {
  readonly side: 'a' | 'b';
  readonly runs: readonly Run[];
  readonly value: Snapshot | null;
  readonly onChange: (id: string) => void;
  readonly runTitle: (run: string) => string;
}

/** A button that names a side's snapshot and opens the list of all of them. */
export function SnapshotPicker({ side, runs, value, onChange, runTitle }: SnapshotPickerProps) {
  const [anchor, setAnchor] = useState<HTMLElement | null>(null);
  const close = () => setAnchor(null);
  const open = (event: { currentTarget: HTMLElement }) => setAnchor(event.currentTarget);
  const label = value?.label ?? 'Choose a snapshot';
  return (
    <>
      <button
        type="button"
        class="snapshot-picker"
        data-side={side}
        aria-haspopup="listbox"
        aria-expanded={anchor !== null}
        aria-label={`Snapshot ${side}: ${label}${value ? `, run ${runTitle(value.run)}` : ''}`}
        title={value ? `${runTitle(value.run)} · ${value.name}` : undefined}
        onClick={(event) => (anchor ? close() : open(event))}
        onKeyDown={(event) => {
          if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return;
          event.preventDefault();
          open(event);
        }}
      >
        <SideBadge side={side} />
        <span class="snapshot-picker-label tabular">{label}</span>
        {value && runs.length > 1 && <span class="snapshot-picker-run">{runTitle(value.run)}</span>}
        <Icon name="chevron" />
      </button>
      {anchor && (
        <Popover anchor={anchor} class="snapshot-popover" onClose={close}>
          <SnapshotList
            label={`Snapshot ${side}`}
            runs={runs}
            value={value}
            runTitle={runTitle}
            onChoose={(id) => {
              onChange(id);
              close();
              anchor.focus();
            }}
          />
        </Popover>
      )}
    </>
  );
}
