import { type Signal, useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useMemo } from 'preact/hooks';
import type { Forensics } from '../../client/types';
import { Tooltip } from '../../elements/Tooltip';
import { formatCount } from '../../scales/format';
import { stepFormat } from '../../scales/step-ticks';
import { showSection, showUnits } from '../../state/findings';
import { hoveredStep, hoveredUnit, pinAll } from '../../state/training';
import { MarkShape } from './MarkShape';
import {
  columnAt,
  dumpsAround,
  intervalsOf,
  isInterval,
  type Lead,
  leadOf,
  type Moved,
  type MovedRow,
  type PlacedMark,
  placedMarks,
} from './moved-model';
import { deviationWords, leadWords, onsetWords, QUANTITY_WORDS, unitWords } from './words';

/** Labels of columns are further apart than this, in percent of the plot. */
const LABEL_SHARE = 7;

export interface MovedTableProps {
  readonly forensics: Forensics;
  readonly rows: readonly MovedRow[];
  readonly dumps: readonly number[];
}

interface Pointed {
  readonly moved: Moved;
  readonly mark: Element;
}

export function MovedTable({ forensics, rows, dumps }: MovedTableProps): JSX.Element {
  const shown = useMemo(() => dumpsAround(forensics, dumps), [forensics, dumps]);
  const pointed = useSignal<Pointed | null>(null);
  const lead: LeadFor = (moved) => leadOf(moved, forensics.loss_onset);
  return (
    <div class="moved">
      <table class="moved-table tabular">
        <thead>
          <tr>
            <th>Unit</th>
            <th>First</th>
            <th>Onset</th>
            <th title="Before or after the loss left its own usual range">Lead over the loss</th>
            <th>
              <Columns forensics={forensics} dumps={shown} />
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <Row
              key={row.unit}
              row={row}
              forensics={forensics}
              dumps={shown}
              leadFor={lead}
              pointed={pointed}
            />
          ))}
        </tbody>
      </table>
      <Card pointed={pointed.value} leadFor={lead} />
    </div>
  );
}

/** The steps of the columns, as many as fit. */
function Columns(props: {
  readonly forensics: Forensics;
  readonly dumps: readonly number[];
}): JSX.Element {
  const { dumps } = props;
  const every = Math.max(1, Math.ceil((LABEL_SHARE * dumps.length) / 100));
  const label = stepFormat(dumps);
  return (
    <div class="moved-columns">
      {dumps.map(
        (step, column) =>
          column % every === 0 && (
            <span key={step} style={{ left: `${centre(column, dumps.length)}%` }}>
              {label(step)}
            </span>
          ),
      )}
    </div>
  );
}

type LeadFor = (moved: Moved) => Lead | null;

interface RowProps {
  readonly row: MovedRow;
  readonly forensics: Forensics;
  readonly dumps: readonly number[];
  readonly leadFor: LeadFor;
  readonly pointed: Signal<Pointed | null>;
}

function Row({ row, forensics, dumps, leadFor, pointed }: RowProps): JSX.Element {
  const { unit, first } = row;
  const lead = leadFor(first);
  const show = () => {
    showUnits([unit], false);
    showSection('layers');
  };
  return (
    <tr
      onPointerEnter={() => {
        hoveredUnit.value = unit === '' ? null : unit;
      }}
      onPointerLeave={() => {
        hoveredUnit.value = null;
      }}
    >
      <th scope="row">
        {unit === '' ? (
          <span class="moved-unit">{unitWords(unit)}</span>
        ) : (
          <button type="button" class="moved-unit" title={`Show ${unit} in Layers`} onClick={show}>
            {unit}
          </button>
        )}
      </th>
      <td>{QUANTITY_WORDS[first.quantity]}</td>
      <td title={isInterval(first) ? `Began ${onsetWords(first)}` : undefined}>
        {isInterval(first) && '≤ '}
        {formatCount(first.onset)}
      </td>
      <td data-lead={leadSide(lead)}>{leadWords(lead)}</td>
      <td class="moved-plot">
        <Line step={forensics.loss_onset} dumps={dumps} name="loss" />
        <Line step={forensics.step} dumps={dumps} name="pin" />
        {intervalsOf(row, dumps).map(({ from, to }) => (
          <i
            key={from}
            class="moved-interval"
            style={{
              left: `${centre(from, dumps.length)}%`,
              width: `${centre(to, dumps.length) - centre(from, dumps.length)}%`,
            }}
          />
        ))}
        {placedMarks(row, dumps).map((mark) => (
          <MarkButton
            key={mark.moved.quantity}
            mark={mark}
            dumps={dumps}
            lead={leadFor(mark.moved)}
            pointed={pointed}
          />
        ))}
      </td>
    </tr>
  );
}

function Line(props: {
  readonly step: number | null;
  readonly dumps: readonly number[];
  readonly name: 'loss' | 'pin';
}): JSX.Element | null {
  const { step, dumps, name } = props;
  const column = step === null ? -1 : columnAt(dumps, step);
  if (column < 0) return null;
  return (
    <i class="moved-line" data-of={name} style={{ left: `${centre(column, dumps.length)}%` }} />
  );
}

interface MarkButtonProps {
  readonly mark: PlacedMark;
  readonly dumps: readonly number[];
  readonly lead: Lead | null;
  readonly pointed: Signal<Pointed | null>;
}

function MarkButton({ mark, dumps, lead, pointed }: MarkButtonProps): JSX.Element {
  const { moved, column, place, of } = mark;
  const enter = (element: Element) => {
    pointed.value = { moved, mark: element };
    hoveredStep.value = moved.onset;
  };
  const leave = () => {
    pointed.value = null;
    hoveredStep.value = null;
  };
  return (
    <button
      type="button"
      class="moved-button"
      aria-label={`${QUANTITY_WORDS[moved.quantity]} of ${unitWords(moved.unit)} ${onsetWords(moved)}, ${leadWords(lead)}; pin it`}
      style={{
        left: `calc(${centre(column, dumps.length)}% + ${12 * (place - (of - 1) / 2)}px)`,
      }}
      onClick={() => pinAll([moved.onset])}
      onPointerEnter={(event) => enter(event.currentTarget)}
      onPointerLeave={leave}
      onFocus={(event) => enter(event.currentTarget)}
      onBlur={leave}
    >
      <svg width="14" height="14" viewBox="-7 -7 14 14" aria-hidden="true">
        <MarkShape quantity={moved.quantity} />
      </svg>
    </button>
  );
}

function Card(props: {
  readonly pointed: Pointed | null;
  readonly leadFor: LeadFor;
}): JSX.Element | null {
  if (props.pointed === null) return null;
  const { moved, mark } = props.pointed;
  const lead = props.leadFor(moved);
  const { left, top, width, height } = mark.getBoundingClientRect();
  return (
    <Tooltip anchor={{ x: left, y: top, width, height }}>
      <strong>
        {QUANTITY_WORDS[moved.quantity]} of {unitWords(moved.unit)}
      </strong>
      <div>
        {moved.quantity === 'learning_rate' ? 'Changed' : 'Left its usual range'}{' '}
        {onsetWords(moved)}
        {lead !== null && `, ${leadWords(lead)} the loss`}.
      </div>
      {isInterval(moved) && <div class="muted">Nothing was recorded in between.</div>}
      <div class="muted">{deviationWords(moved)}</div>
    </Tooltip>
  );
}

function leadSide(lead: Lead | null): string | undefined {
  if (lead === null) return undefined;
  if (lead.least > 0) return 'before';
  return lead.most < 0 ? 'after' : undefined;
}

function centre(column: number, columns: number): number {
  return (100 * (column + 0.5)) / Math.max(1, columns);
}
