/** The predictions of an image over all passes, and how probable its true class was. */
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useMemo, useRef } from 'preact/hooks';
import type { ImageHistory } from '../../client/types';
import { Tooltip } from '../../elements/Tooltip';
import { useSize } from '../../elements/use-size';
import { formatCount, formatFraction, MISSING } from '../../scales/format';
import { hoveredStep, pins, showPins } from '../../state/training';
import { curvePath, type History } from './history';
import * as chart from './history-chart';
import { lookAt, outcomePass } from './looked';
import * as model from './model';
import { classColors } from './palette';

/** Classes with a colour of their own, beside the true one. */
const NAMED = 5;
const LEVELS = [0, 0.5, 1];
const LONG_STEP = 10;

export interface HistoryChartProps {
  readonly image: ImageHistory;
  readonly history: History;
}

export function HistoryChart({ image, history }: HistoryChartProps): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const width = useSize(box)?.width ?? 0;
  const passes = model.passes.value;
  const geometry = useMemo(() => chart.historyGeometry(passes, width), [passes, width]);
  const pointed = useSignal<number | null>(null);
  const held = useSignal<number>(outcomePass());
  const focused = useSignal(false);
  const read = pointed.value ?? (focused.value ? held.value : null);

  const passOf = (event: MouseEvent): number | null => {
    const left = box.current?.getBoundingClientRect().left ?? 0;
    const x = event.clientX - left - chart.LEFT;
    return x < 0 || x > geometry.width ? null : chart.passAtX(passes, geometry, x);
  };
  const hold = (pass: number): void => {
    held.value = Math.min(passes.length - 1, Math.max(0, pass));
    pointed.value = null;
    hoveredStep.value = passes[held.value] ?? null;
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const stride = event.shiftKey || event.ctrlKey ? LONG_STEP : 1;
    const to = {
      ArrowLeft: held.value - stride,
      ArrowRight: held.value + stride,
      Home: 0,
      End: passes.length - 1,
    }[event.key];
    if (to !== undefined) hold(to);
    else if (event.key === 'p' || event.key === 'P' || event.key === 'Enter') pin(held.value);
    else return;
    event.preventDefault();
  };
  return (
    <div
      ref={box}
      class="validation-history"
      role="slider"
      tabIndex={0}
      aria-label="Predictions over the passes; arrows move, P pins the step"
      aria-valuemin={0}
      aria-valuemax={Math.max(0, passes.length - 1)}
      aria-valuenow={held.value}
      aria-valuetext={passWords(image, held.value)}
      style={{ height: `${chart.HEIGHT}px` }}
      onKeyDown={onKeyDown}
      onFocus={() => {
        focused.value = box.current?.matches(':focus-visible') ?? false;
      }}
      onBlur={() => {
        focused.value = false;
      }}
      onPointerMove={(event) => {
        pointed.value = passOf(event);
        hoveredStep.value = pointed.value === null ? null : (passes[pointed.value] ?? null);
      }}
      onPointerLeave={() => {
        pointed.value = null;
        hoveredStep.value = null;
      }}
      onClick={(event) => {
        const pass = passOf(event);
        if (pass === null) return;
        held.value = pass;
        pin(pass);
      }}
    >
      <Drawing image={image} history={history} geometry={geometry} width={width} read={read} />
      {read !== null && width > 0 && (
        <Tooltip anchor={anchorOf(box.current, geometry, read)}>
          <PassCard image={image} pass={read} />
        </Tooltip>
      )}
    </div>
  );
}

interface DrawingProps extends HistoryChartProps {
  readonly geometry: chart.HistoryGeometry;
  readonly width: number;
  readonly read: number | null;
}

function Drawing({ image, history, geometry, width, read }: DrawingProps): JSX.Element {
  const passes = model.passes.value;
  const shades = shadesOf(image, history);
  const named = new Set(shades.map(({ index }) => index));
  const rest = classColors(model.theme.value).rest;
  const line = (pass: number) => chart.middleOfPass(geometry, pass);
  const pinned = showPins.value
    ? pins.value.map((step) => passes.indexOf(step)).filter((pass) => pass >= 0)
    : [];
  return (
    <svg width={width} height={chart.HEIGHT} aria-hidden="true">
      <text class="validation-axis" x="0" y={chart.STRIP_TOP + 13}>
        Predicted
      </text>
      <text class="validation-axis" x="0" y={chart.CURVE_TOP + 4}>
        True class
      </text>
      <text class="validation-axis" x="0" y={chart.CURVE_TOP + 18}>
        probability
      </text>
      <g transform={`translate(${chart.LEFT} 0)`}>
        <rect
          class="validation-unknown"
          y={chart.STRIP_TOP}
          width={geometry.width}
          height={chart.STRIP_HEIGHT}
        />
        {shades.map(({ index, color }) => (
          <path
            key={index}
            fill={color}
            d={chart.stretchesPath(history.stretches, (each) => each === index, geometry)}
          />
        ))}
        <path
          fill={rest}
          d={chart.stretchesPath(
            history.stretches,
            (each) => each !== null && !named.has(each),
            geometry,
          )}
        />
        {LEVELS.map((level) => (
          <g key={level}>
            <line
              class="validation-grid-line"
              x2={geometry.width}
              y1={chart.curveY(level)}
              y2={chart.curveY(level)}
            />
            <text class="validation-axis" x="-6" y={chart.curveY(level) + 4} text-anchor="end">
              {formatFraction(level)}
            </text>
          </g>
        ))}
        <path class="validation-curve" d={curvePath(image.probability, line, chart.curveY)} />
        {geometry.ticks.map((tick) => (
          <g
            key={tick}
            transform={`translate(${chart.xOfStep(geometry, tick)} ${chart.curveY(0)})`}
          >
            <line class="validation-tick" y2="4" />
            <text class="validation-axis" y="17" text-anchor="middle">
              {formatCount(tick)}
            </text>
          </g>
        ))}
        <Looked x={line(outcomePass())} />
        {pinned.map((pass) => (
          <Line key={pass} name="validation-pin" x={line(pass)} />
        ))}
        {read !== null && <Line name="validation-cross" x={line(read)} />}
      </g>
    </svg>
  );
}

function Line({ name, x }: { readonly name: string; readonly x: number }): JSX.Element {
  return <line class={name} x1={x} x2={x} y1={0} y2={chart.curveY(0)} />;
}

/** The pass that the facts tell of. */
function Looked({ x }: { readonly x: number }): JSX.Element {
  return (
    <>
      <Line name="validation-looked" x={x} />
      <path class="validation-looked-head" d={`M${x - 5} 0h10l-5 6z`} />
    </>
  );
}

export interface Shade {
  readonly index: number;
  readonly passes: number;
  readonly color: string;
}

/** The true class, and the most frequent of the others. */
function shadesOf({ label }: ImageHistory, { classes }: History): readonly Shade[] {
  const { truth, others } = classColors(model.theme.value);
  const wrong = classes.filter(({ index }) => index !== label).slice(0, NAMED);
  const right = classes.filter(({ index }) => index === label);
  return [
    ...right.map((each) => ({ ...each, color: truth })),
    ...wrong.map((each, place) => ({ ...each, color: others[place] ?? truth })),
  ];
}

/** What the colours of the strip mean, in passes. */
export function HistoryKey({ image, history }: HistoryChartProps): JSX.Element {
  const shades = shadesOf(image, history);
  const named = new Set(shades.map(({ index }) => index));
  const rest = history.classes.filter(({ index }) => !named.has(index));
  const passes = rest.reduce((sum, each) => sum + each.passes, 0);
  return (
    <ul class="validation-history-key tabular">
      {shades.map(({ index, color, passes: count }) => (
        <li key={index}>
          <i style={{ background: color }} />
          {model.className(index)}
          {index === image.label && ' (true class)'}
          <span class="muted">{formatCount(count)}</span>
        </li>
      ))}
      {rest.length > 0 && (
        <li>
          <i style={{ background: classColors(model.theme.value).rest }} />
          {rest.length === 1 ? model.className(rest[0]?.index ?? -1) : `${rest.length} others`}
          <span class="muted">{formatCount(passes)}</span>
        </li>
      )}
    </ul>
  );
}

function PassCard({
  image,
  pass,
}: {
  readonly image: ImageHistory;
  readonly pass: number;
}): JSX.Element {
  const predicted = image.predicted[pass] ?? null;
  return (
    <div class="validation-card">
      <strong>Step {formatCount(model.passes.value[pass] ?? null)}</strong>
      <dl class="tabular">
        <dt>Predicted</dt>
        <dd>{predicted === null ? MISSING : model.className(predicted)}</dd>
        <dt>True class</dt>
        <dd>{formatFraction(image.probability[pass] ?? null)} probable</dd>
      </dl>
    </div>
  );
}

function passWords(image: ImageHistory, pass: number): string {
  const predicted = image.predicted[pass] ?? null;
  const step = `step ${formatCount(model.passes.value[pass] ?? null)}`;
  if (predicted === null) return `${step}: not known`;
  const outcome = predicted === image.label ? 'correct' : 'wrong';
  const truth = formatFraction(image.probability[pass] ?? null);
  return `${step}: predicted ${model.className(predicted)}, ${outcome}; true class ${truth}`;
}

function pin(pass: number): void {
  const step = model.passes.value[pass];
  if (step !== undefined) lookAt(step);
}

function anchorOf(box: HTMLElement | null, geometry: chart.HistoryGeometry, pass: number) {
  const frame = box?.getBoundingClientRect();
  if (!frame) return null;
  const x = frame.left + chart.LEFT + chart.middleOfPass(geometry, pass);
  return { x, y: frame.top, width: 0, height: frame.height };
}
