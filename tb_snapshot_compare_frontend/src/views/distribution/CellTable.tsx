import type { JSX } from 'preact';
import { useMemo, useRef } from 'preact/hooks';
import type { Distribution } from '../../client/types';
import { useRowWindow } from '../../elements/use-row-window';
import { formatCount } from '../../scales/format';
import { type Cell, cells, hiddenLevels } from '../../state/selection';
import { cellsOfBins, clicked, existing, includes, united } from './cells';
import { edgeFormat, interval, levelRange } from './words';

/** As in Distribution.css. */
const ROW_HEIGHT = 28;

export interface CellTableProps {
  readonly distribution: Distribution;
  readonly interactive: boolean;
}

/** The histogram as a table: a row per bin, a column per shown level, a button per cell. */
export function CellTable({ distribution, interactive }: CellTableProps): JSX.Element {
  const { bin_edges, level_edges, counts } = distribution;
  const container = useRef<HTMLElement>(null);
  const { first, end } = useRowWindow(container, counts.length, ROW_HEIGHT);
  const hidden = hiddenLevels.value;
  const selected = existing(cells.value, counts);
  const format = useMemo(() => edgeFormat(bin_edges), [bin_edges]);
  const levels = level_edges.slice(1).map((_, level) => level);
  const shown = levels.filter((level) => !hidden.includes(level));

  const choose = (next: readonly Cell[]): void => {
    if (interactive) cells.value = next;
  };
  const chooseBin = (bin: number, add: boolean): void => {
    const ofBin = cellsOfBins(counts, hidden, bin, bin);
    choose(add ? united(selected, ofBin) : ofBin);
  };

  return (
    <section
      ref={container}
      class="cell-table"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolled region must be reachable by keyboard
      tabIndex={0}
      aria-label="Difference distribution, table"
    >
      <table aria-rowcount={counts.length + 1}>
        <thead>
          <tr aria-rowindex={1}>
            <th scope="col">Change b − a</th>
            {shown.map((level) => (
              <th key={level} scope="col">
                {`${levelRange(level_edges, level)}\u00a0%`}
              </th>
            ))}
            <th scope="col">All levels</th>
          </tr>
        </thead>
        <tbody>
          <Spacer rows={first} />
          {counts.slice(first, end).map((bar, offset) => {
            const bin = first + offset;
            return (
              <tr key={bin} aria-rowindex={bin + 2}>
                <th scope="row">
                  <button
                    type="button"
                    title="Select this bin"
                    onClick={(event) => chooseBin(bin, event.shiftKey)}
                  >
                    {interval(bin_edges, bin, format)}
                  </button>
                </th>
                {shown.map((level) => (
                  <CountCell
                    key={level}
                    count={bar[level] ?? 0}
                    pressed={includes(selected, { bin, level })}
                    onClick={(add) => choose(clicked(selected, { bin, level }, add))}
                  />
                ))}
                <td>{formatCount(bar.reduce((sum, count) => sum + count, 0))}</td>
              </tr>
            );
          })}
          <Spacer rows={counts.length - end} />
        </tbody>
      </table>
    </section>
  );
}

/** Stands for rows out of sight. */
function Spacer({ rows }: { readonly rows: number }): JSX.Element | null {
  if (rows === 0) return null;
  return <tr style={{ height: `${rows * ROW_HEIGHT}px` }} />;
}

interface CountCellProps {
  readonly count: number;
  readonly pressed: boolean;
  readonly onClick: (add: boolean) => void;
}

function CountCell({ count, pressed, onClick }: CountCellProps): JSX.Element {
  if (count === 0) {
    return (
      <td>
        <span class="muted">0</span>
      </td>
    );
  }
  return (
    <td>
      <button type="button" aria-pressed={pressed} onClick={(event) => onClick(event.shiftKey)}>
        {formatCount(count)}
      </button>
    </td>
  );
}
