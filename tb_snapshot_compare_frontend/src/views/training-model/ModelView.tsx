/** Learning rate, loss and error over the training, and what happened in it. */
import type { JSX } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { axisKey, cursorStep } from '../../elements/axis-keys';
import { axisWord, stepWords } from '../../elements/axis-words';
import { Button } from '../../elements/Button';
import { Icon } from '../../elements/Icon';
import { Section } from '../../elements/Section';
import { Segments } from '../../elements/Segments';
import { useSize } from '../../elements/use-size';
import { toCsv } from '../../render/csv';
import { GUTTER, MARGIN, stepAt } from '../../scales/steps';
import { isStale, latest } from '../../state/resources';
import {
  CURVE_HEIGHT_LEAST,
  CURVE_HEIGHT_MOST,
  type CurveScale,
  curveHeight,
  curveScale,
  hoveredStep,
  log,
  pinMode,
  steps,
  togglePin,
} from '../../state/training';
import { trainingCurves } from '../../state/training-data';
import { adoptStyles } from '../../theme/styles';
import { CurveChart } from './CurveChart';
import { CurveKey } from './CurveKey';
import { EventKey, EventStrip } from './EventStrip';
import { HoverCard, pointed } from './HoverCard';
import * as model from './model';
import css from './model.css?inline';
import { curveRows } from './model-csv';
import { RateStrip } from './RateStrip';
import { readAt } from './reading';

adoptStyles(css);

const HEIGHT_STEP = 40;

export function ModelView(): JSX.Element {
  const lanes = model.lanes.value;
  const resource = trainingCurves.value;
  return (
    <Section
      id="model"
      title="Model"
      subtitle={subtitle()}
      legend={lanes.length + model.events.value.length > 0 ? <Legend /> : undefined}
      toolbar={lanes.length > 0 ? <Tools /> : undefined}
      exports={{ name: `curves-${log.value?.run ?? ''}`, csv: () => toCsv(curveRows()) }}
      busy={isStale(resource) ? { label: 'Reading scalars', fraction: null } : null}
    >
      <Plot>
        {model.rates.value.length > 0 && <RateStrip run="own" />}
        {model.otherBlocks.value.length > 0 && <RateStrip run="other" />}
        {model.drawings.value.map((drawing) => (
          <CurveChart key={drawing.lane.kind} {...drawing} />
        ))}
        {lanes.length === 0 && <NoCurves />}
        {model.events.value.length > 0 && <EventStrip />}
      </Plot>
    </Section>
  );
}

/** One place for the pointer and the keyboard over all strips and charts. */
function Plot({ children }: { readonly children: JSX.Element | JSX.Element[] | unknown }) {
  const box = useRef<HTMLDivElement>(null);
  const inner = (useSize(box)?.width ?? 0) - GUTTER - MARGIN;
  useLayoutEffect(() => {
    model.width.value = Math.max(0, inner);
  }, [inner]);
  const stepOf = (event: MouseEvent): number | null => {
    const left = (box.current?.getBoundingClientRect().left ?? 0) + GUTTER;
    return stepAt(steps.peek(), model.scale.peek(), event.clientX - left);
  };
  const step = cursorStep();
  return (
    <div
      ref={box}
      class="model-plot"
      role="slider"
      tabIndex={0}
      aria-label={`Loss and error by ${axisWord.value.toLowerCase()}: arrows move, Enter pins`}
      aria-valuemin={steps.value[0] ?? 0}
      aria-valuemax={steps.value.at(-1) ?? 0}
      aria-valuenow={step ?? 0}
      aria-valuetext={step === null ? 'no steps yet' : readAt(step)}
      onKeyDown={axisKey}
      onFocus={() => {
        if (!box.current?.matches(':focus-visible')) return;
        hoveredStep.value = cursorStep();
        pointed.value = box.current;
      }}
      onBlur={leave}
      onPointerMove={(event) => {
        const under = stepOf(event);
        hoveredStep.value = under;
        pointed.value = under === null ? null : box.current;
      }}
      onPointerLeave={leave}
      onClick={(event) => {
        const under = stepOf(event);
        if (pinMode.value && under !== null) togglePin(under);
      }}
    >
      {children as JSX.Element}
      <HoverCard />
    </div>
  );
}

function leave(): void {
  hoveredStep.value = null;
  pointed.value = null;
}

function Legend(): JSX.Element {
  const curves = new Map(
    model.lanes.value.flatMap((lane) => lane.curves.map((curve) => [curve.label, curve])),
  );
  return (
    <span class="model-legend">
      {[...curves].map(([label, { role, beside = false }]) => (
        <span key={label} class="model-key">
          <CurveKey role={role} beside={beside} width={beside ? 26 : 18} />
          {label}
        </span>
      ))}
      {model.isCut.value && (
        <span class="model-key">
          <i class="model-beyond-key" />
          beyond the scale
        </span>
      )}
      <EventKey />
    </span>
  );
}

function Tools(): JSX.Element {
  const grow = (change: number) => {
    const wanted = curveHeight.value + change;
    curveHeight.value = Math.max(CURVE_HEIGHT_LEAST, Math.min(CURVE_HEIGHT_MOST, wanted));
  };
  return (
    <>
      <Segments<CurveScale>
        label="Scale of the values"
        small
        value={curveScale.value}
        options={[
          { value: 'linear', label: 'Linear' },
          { value: 'log', label: 'Log' },
        ]}
        onChange={(value) => {
          curveScale.value = value;
        }}
      />
      <span class="model-height">
        <span class="muted">Height</span>
        <Button
          variant="icon"
          label="Lower charts"
          disabled={curveHeight.value <= CURVE_HEIGHT_LEAST}
          onClick={() => grow(-HEIGHT_STEP)}
        >
          <Icon name="minus" />
        </Button>
        <Button
          variant="icon"
          label="Higher charts"
          disabled={curveHeight.value >= CURVE_HEIGHT_MOST}
          onClick={() => grow(HEIGHT_STEP)}
        >
          <Icon name="plus" />
        </Button>
      </span>
    </>
  );
}

function NoCurves(): JSX.Element {
  const resource = trainingCurves.value;
  if (resource.status === 'failed') {
    return <p class="model-note">The scalars could not be read. {resource.failure.message}</p>;
  }
  if (resource.status !== 'ready')
    return <div class="model-skeleton" role="status" aria-label="Loading" />;
  return <p class="model-note">{missing()}</p>;
}

function missing(): string {
  const logged = latest(trainingCurves.value)?.curves ?? [];
  const usable = logged.filter(({ kind, x }) => kind !== 'other' && x.length > 0);
  if (usable.length === 0) return 'No loss or accuracy was logged for this run.';
  return (
    `Loss and accuracy were logged over ${usable[0]?.axis}s, and no snapshots tell which ` +
    `${axisWord.value.toLowerCase()}s these are.`
  );
}

function subtitle(): string {
  const last = model.lanes.value.flatMap(({ curves }) => curves.map(({ x }) => x.at(-1) ?? 0));
  if (last.length === 0) return 'Learning rate and events';
  const kinds: string[] = model.lanes.value.map(({ kind }) => kind);
  if (model.rates.value.length > 0) kinds.unshift('learning rate');
  const listed = [kinds.slice(0, -1).join(', '), kinds.at(-1)].filter(Boolean).join(' and ');
  const words = `${listed} up to ${stepWords(Math.round(Math.max(...last)))}${cutWords()}`;
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}`;
}

/** What was logged long before anything else was recorded lies left of the axis. */
function cutWords(): string {
  const [first, second] = steps.value;
  if (first === undefined || second === undefined) return '';
  const curves = model.lanes.value.flatMap((lane) => lane.curves);
  const isCut = curves.some(({ x }) => (x[0] ?? first) <= first - (second - first));
  return isCut ? `, without what was logged before ${stepWords(first)}` : '';
}
