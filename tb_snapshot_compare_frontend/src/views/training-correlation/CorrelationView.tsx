/** Which filters changed most when which class had an anomaly: layers against classes. */
import type { JSX } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { FailureState } from '../../elements/EmptyState';
import { Section } from '../../elements/Section';
import { useSize } from '../../elements/use-size';
import { correlationForm, log } from '../../state/training';
import { correlation } from '../../state/training-data';
import { adoptStyles } from '../../theme/styles';
import { Chosen } from './Chosen';
import { Controls } from './Controls';
import { Cube } from './Cube';
import css from './correlation.css?inline';
import { cubeLayout } from './cube-model';
import { correlationCsv, correlationSvg } from './files';
import { Key } from './Key';
import { Matrix } from './Matrix';
import * as model from './model';
import { nothingToShow } from './nothing';
import { NoColumns, NoRows, NotYet, Thresholds } from './states';
import { countOf } from './words';

adoptStyles(css);

export function CorrelationView(): JSX.Element {
  const reason = nothingToShow.value;
  const drawn = reason === null;
  const adjustable = drawn || reason === 'columns' || reason === 'rows' || reason === 'failed';
  return (
    <Section
      id="correlation"
      title="Correlation"
      subtitle={subtitle()}
      busy={busyOf()}
      timeless
      controls={adjustable ? <Controls /> : undefined}
      legend={drawn ? <Key /> : undefined}
      {...(drawn && {
        exports: {
          name: `correlation-${log.value?.run ?? ''}`,
          svg: correlationSvg,
          csv: correlationCsv,
        },
      })}
    >
      <Content />
    </Section>
  );
}

function subtitle(): string {
  const known = model.known.value;
  const what = 'filters that changed most at the anomalies of classes';
  if (known === null || nothingToShow.value !== null) return what;
  const rows = (model.layout.value ?? cubeLayout.value)?.rows.length ?? known.rows.length;
  const size = `${countOf(rows, 'layer')} × ${countOf(known.classes.length, 'class', 'classes')}`;
  return `${size} · ${countOf(known.columns.length, 'anomaly iteration')} · ${what}`;
}

function busyOf() {
  const resource = correlation.value;
  if (resource.status !== 'loading' || resource.stale === null) return null;
  const { job } = resource;
  const fraction = job && job.total > 0 ? job.done / job.total : null;
  return { label: job?.label ?? 'Relating filters to classes', fraction };
}

function Content(): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const width = useSize(box)?.width ?? 0;
  useLayoutEffect(() => {
    model.width.value = width;
  }, [width]);
  return (
    <div ref={box} class="correlation">
      <Inside />
    </div>
  );
}

function Inside(): JSX.Element | null {
  const resource = correlation.value;
  switch (nothingToShow.value) {
    case 'failed':
      return resource.status === 'failed' ? (
        <>
          <FailureState
            title="Filters and classes could not be related"
            failure={resource.failure}
          />
          <Thresholds higher />
        </>
      ) : null;
    case 'columns':
      return <NoColumns />;
    case 'rows':
      return <NoRows />;
    case null:
      return (
        <>
          {correlationForm.value === 'cube' ? <Cube /> : <Matrix />}
          <Chosen />
        </>
      );
    default:
      return <NotYet />;
  }
}
