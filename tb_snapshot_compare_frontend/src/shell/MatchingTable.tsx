import { useEffect, useRef, useState } from 'preact/hooks';
import type { Matches, MatchTensor } from '../client/types';
import { Button } from '../elements/Button';
import { Select } from '../elements/Select';
import { SideBadge } from '../elements/SideBadge';
import { useRowWindow } from '../elements/use-row-window';
import { formatShape } from '../scales/format';
import { candidates, corrector, type MatchRow, RULES } from '../state/matching';
import type { Side } from '../state/snapshots';

const ROW = 44;
const WORDS = new Map(RULES.map((rule) => [rule.key, rule]));
const NONE = 'none';
const BY_RULES = 'rules';
const NAMED = 'name:';

export interface MatchingTableProps {
  readonly found: Matches;
  readonly rows: readonly MatchRow[];
  readonly busy: boolean;
}

/** One row for each pair and for each tensor without a partner; only those in sight are drawn. */
export function MatchingTable({ found, rows, busy }: MatchingTableProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const { first, end } = useRowWindow(scroller, rows.length, ROW);
  const [editing, setEditing] = useState<string | null>(null);
  // A row that got a partner is another row: whoever uses the keyboard stays in the table.
  useEffect(() => {
    if (document.activeElement === document.body) scroller.current?.focus();
  }, [rows]);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolled region is reached by keyboard
    <section ref={scroller} class="matching-scroll" tabIndex={0} aria-label="Matches">
      <table
        class="matching-table"
        aria-rowcount={rows.length + 1}
        data-busy={busy ? '' : undefined}
      >
        <thead>
          <tr>
            <th scope="col">
              <SideBadge side="a" /> Tensor of a
            </th>
            <th scope="col">Matched by</th>
            <th scope="col">
              <SideBadge side="b" /> Tensor of b
            </th>
            <th scope="col">
              <span class="visually-hidden">Change</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {first > 0 && <tr style={{ height: `${first * ROW}px` }} />}
          {rows.slice(first, end).map((row, index) => (
            <Row
              key={keyOf(row)}
              row={row}
              number={first + index + 2}
              found={found}
              editing={editing === keyOf(row)}
              onEdit={(on) => setEditing(on ? keyOf(row) : null)}
            />
          ))}
          {end < rows.length && <tr style={{ height: `${(rows.length - end) * ROW}px` }} />}
        </tbody>
      </table>
      {rows.length === 0 && <p class="matching-wait muted">No tensor is called so.</p>}
    </section>
  );
}

interface RowProps {
  readonly row: MatchRow;
  readonly number: number;
  readonly found: Matches;
  readonly editing: boolean;
  readonly onEdit: (on: boolean) => void;
}

function Row({ row, number, found, editing, onEdit }: RowProps) {
  const side: Side = row.b ? 'b' : 'a';
  const own = row[side] as MatchTensor;
  const cell = useRef<HTMLTableCellElement>(null);
  const edited = useRef(false);
  useEffect(() => {
    if (edited.current && !editing) cell.current?.querySelector('button')?.focus();
    edited.current = editing;
  }, [editing]);
  const partner = editing ? (
    <Partner row={row} side={side} own={own} found={found} onEnd={() => onEdit(false)} />
  ) : null;
  const rule = WORDS.get(row.rule);
  return (
    <tr aria-rowindex={number} style={{ height: `${ROW}px` }}>
      <td>{side === 'b' && partner ? partner : <Tensor tensor={row.a} />}</td>
      <td class="matching-rule">
        <span class="rule-chip" data-rule={row.rule} title={row.reason || rule?.title}>
          {rule?.label}
        </span>
      </td>
      <td>{side === 'a' && partner ? partner : <Tensor tensor={row.b} />}</td>
      <td ref={cell} class="matching-change">
        {row.rule === 'none' && !editing && <span class="matching-reason muted">{row.reason}</span>}
        <Button
          variant="text"
          aria-expanded={editing}
          label={`Choose a partner for ${own.name} of ${side}`}
          onClick={() => onEdit(!editing)}
        >
          {editing ? 'Cancel' : 'Change'}
        </Button>
      </td>
    </tr>
  );
}

function Tensor({ tensor }: { readonly tensor: MatchTensor | null }) {
  if (!tensor) return <span class="muted">–</span>;
  return (
    <span class="matching-tensor" title={tensor.name}>
      <code>{tensor.name}</code>
      <span class="muted tabular">{formatShape(tensor.shape)}</span>
    </span>
  );
}

interface PartnerProps {
  readonly row: MatchRow;
  readonly side: Side;
  readonly own: MatchTensor;
  readonly found: Matches;
  readonly onEnd: () => void;
}

function Partner({ row, side, own, found, onEnd }: PartnerProps) {
  const element = useRef<HTMLSpanElement>(null);
  const other: Side = side === 'a' ? 'b' : 'a';
  useEffect(() => element.current?.querySelector('select')?.focus(), []);
  const present = row[other]?.name;
  const choose = async (value: string) => {
    const choice =
      value === BY_RULES ? 'rules' : { partner: value === NONE ? null : value.slice(NAMED.length) };
    onEnd();
    await corrector.value?.choose(side, own.name, choice);
  };
  const options = [
    { value: NONE, label: 'No partner' },
    ...(row.corrected ? [{ value: BY_RULES, label: 'As the rules say' }] : []),
    ...candidates(found, side, own).map(({ name, taken }) => ({
      value: NAMED + name,
      label: taken ? `${name} (has a partner)` : name,
    })),
  ];
  return (
    <span ref={element} class="matching-choice">
      <Select
        label={`Partner of ${own.name} in ${other}`}
        hideLabel
        value={present === undefined ? NONE : NAMED + present}
        options={options}
        onChange={(value) => void choose(value)}
      />
    </span>
  );
}

function keyOf(row: MatchRow): string {
  return row.b ? `b ${row.b.name}` : `a ${row.a?.name}`;
}
