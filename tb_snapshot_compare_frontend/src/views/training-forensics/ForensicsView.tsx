/** What left its usual range first around the newest pin: units, quantities, leads. */
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { Forensics } from '../../client/types';
import { stepWords } from '../../elements/axis-words';
import { Button } from '../../elements/Button';
import { Section } from '../../elements/Section';
import { toCsv } from '../../render/csv';
import { formatCount } from '../../scales/format';
import { isStale, latest } from '../../state/resources';
import { log, newestPin } from '../../state/training';
import { forensics } from '../../state/training-data';
import { adoptStyles } from '../../theme/styles';
import css from './forensics.css?inline';
import { MarkKey } from './MarkShape';
import { MovedTable } from './MovedTable';
import { leadOf, movedRows, quantitiesOf } from './moved-model';
import { leadWords, QUANTITY_WORDS, unitWords } from './words';

adoptStyles(css);

const ROWS = 8;

export function ForensicsView(): JSX.Element {
  const resource = forensics.value;
  const known = latest(resource);
  return (
    <Section
      id="forensics"
      title="What moved first"
      subtitle={subtitle(known)}
      legend={known && known.series.length > 0 ? <Legend known={known} /> : undefined}
      {...(known && known.series.length > 0
        ? { exports: { name: `moved-first-${known.step}`, csv: () => toCsv(rowsOf(known)) } }
        : {})}
      busy={isStale(resource) ? { label: 'Looking around the pin', fraction: null } : null}
      timeless
    >
      <Content known={known} />
    </Section>
  );
}

function Content({ known }: { readonly known: Forensics | null }): JSX.Element {
  const resource = forensics.value;
  if (newestPin.value === null) {
    return (
      <p class="forensics-note muted">
        Pin a step: click a chart, or the time axis. What left its usual range around it is listed
        here, earliest first.
      </p>
    );
  }
  if (known === null) {
    if (resource.status !== 'failed')
      return <p class="forensics-note muted">Looking around the pin…</p>;
    return <p class="forensics-note">It could not be read. {resource.failure.message}</p>;
  }
  if (known.series.length === 0) {
    return (
      <p class="forensics-note muted">
        Nothing left its usual range around {stepWords(known.step)}.
      </p>
    );
  }
  return <Table known={known} />;
}

function Table({ known }: { readonly known: Forensics }): JSX.Element {
  const [all, setAll] = useState(false);
  const rows = movedRows(known);
  return (
    <>
      <MovedTable
        forensics={known}
        rows={all ? rows : rows.slice(0, ROWS)}
        dumps={log.value?.dumps ?? []}
      />
      {rows.length > ROWS && (
        <Button variant="text" class="forensics-more" onClick={() => setAll(!all)}>
          {all ? 'Show fewer' : `Show all ${formatCount(rows.length)}`}
        </Button>
      )}
    </>
  );
}

function Legend({ known }: { readonly known: Forensics }): JSX.Element {
  return (
    <span class="forensics-legend">
      {quantitiesOf(movedRows(known)).map((quantity) => (
        <MarkKey key={quantity} quantity={quantity} />
      ))}
    </span>
  );
}

function subtitle(known: Forensics | null): string {
  if (known === null || newestPin.value === null) return '';
  const loss =
    known.loss_onset === null
      ? 'the loss did not move'
      : `the loss moved at ${stepWords(known.loss_onset)}`;
  return `Around ${stepWords(known.step)}; ${loss}`;
}

function rowsOf(known: Forensics): (string | number | null)[][] {
  const head = ['unit', 'quantity', 'after', 'onset', 'lead', 'lead in words', 'deviation'];
  const rows = known.series.map((moved) => [
    unitWords(moved.unit),
    QUANTITY_WORDS[moved.quantity],
    moved.after,
    moved.onset,
    moved.lead,
    leadWords(leadOf(moved, known.loss_onset)),
    moved.deviation,
  ]);
  return [head, ...rows];
}
