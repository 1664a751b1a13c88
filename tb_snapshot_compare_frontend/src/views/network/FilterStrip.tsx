/** One bar per output filter of the selected layer; bars are chosen by click, brush or keys. */
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import type { FilterMeasures } from '../../client/types';
import { Button } from '../../elements/Button';
import { Segments } from '../../elements/Segments';
import { useSize } from '../../elements/use-size';
import { steps } from '../../scales/color';
import { formatCount, formatMeasure } from '../../scales/format';
import { retryFailed } from '../../state/environment';
import { metricInfo } from '../../state/metrics';
import { comparison, type Failure, filterMeasures, latest } from '../../state/resources';
import { filters, layer, metric } from '../../state/selection';
import { kernelLayers } from '../../state/tensors';
import { filterOrder as order } from '../../state/view-choice';
import {
  type Bar,
  barsOf,
  filterOrder,
  filterValues,
  largest,
  stepOf,
  withFilters,
} from './filter-bars';
import * as model from './model';
import { paintBars } from './paint-bars';

const STEPS = 5;
const ORDERS = [
  { value: 'index', label: 'By index' },
  { value: 'difference', label: 'By difference' },
] as const;

export function FilterStrip() {
  const resource = filterMeasures.value;
  const known = latest(resource);
  const name = layer.value;
  const kernels = kernelLayers.value;
  const data = known && known.layer === name && known.filters > 0 ? known : null;
  return (
    <section class="net-strip" aria-label="Filters of the selected layer">
      {name === null ? (
        <p class="net-strip-hint">Select a layer to see how much each of its filters changed.</p>
      ) : resource.status === 'failed' ? (
        <Failed of={name} failure={resource.failure} />
      ) : data ? (
        <Bars data={data} stale={resource.status !== 'ready'} />
      ) : kernels?.has(name) === false ? (
        <p class="net-strip-hint">{withoutFilters(name)}</p>
      ) : comparison.value.status === 'failed' ? (
        <p class="net-strip-hint">The filters of {name} could not be compared.</p>
      ) : (
        <div
          class="net-strip-skeleton"
          role="status"
          aria-label={`Comparing the filters of ${name}`}
        />
      )}
    </section>
  );
}

function Failed({ of, failure }: { readonly of: string; readonly failure: Failure }): JSX.Element {
  return (
    <p class="net-strip-hint net-strip-failed" role="alert">
      The filters of {of} could not be compared. {failure.message}{' '}
      <Button variant="text" onClick={retryFailed}>
        Try again
      </Button>
    </p>
  );
}

/** Filters are those of a kernel that both snapshots have in one shape. */
function withoutFilters(name: string): string {
  const found = model.layers.value.find((entry) => entry.name === name);
  if (!found || found.parameters === 0) return `${name} has no weights, and so no filters.`;
  return model.notCompared.value.has(name)
    ? `The filters of ${name} cannot be compared: its kernel is not the same in both snapshots.`
    : `${name} has no filters: its weights are one number per channel.`;
}

/** The key to the colours, along the axis: there is room for it in any panel. */
function stepsUpwards(colors: readonly string[]): string {
  const share = 100 / colors.length;
  const stops = colors.map((color, at) => `${color} ${at * share}% ${(at + 1) * share}%`);
  return `linear-gradient(0deg, ${stops.join(', ')})`;
}

function readOut(
  bar: Bar,
  top: number,
  unit: (value: number) => string,
  chosen: readonly number[],
): string {
  const share = top > 0 ? `${Math.round((bar.value / top) * 100)} % of the largest` : '';
  const value = Number.isNaN(bar.value) ? 'not defined' : `${unit(bar.value)} · ${share}`;
  const text = `filter ${bar.top} · ${value}`;
  const many = bar.filters.length;
  const selected = bar.filters.every((filter) => chosen.includes(filter)) ? ' · selected' : '';
  return many > 1 ? `largest of ${many} filters here: ${text}${selected}` : text + selected;
}

function Bars({ data, stale }: { readonly data: FilterMeasures; readonly stale: boolean }) {
  const stage = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const overlay = useRef<HTMLCanvasElement>(null);
  const size = useSize(stage);
  const cursor = useSignal<number | null>(null);
  const brush = useSignal<{ from: number; to: number } | null>(null);
  /** Where a range that Shift extends starts. */
  const origin = useRef(0);
  const values = useMemo(() => filterValues(data, metric.value), [data, metric.value]);
  const top = useMemo(() => largest(values), [values]);
  const width = size?.width ?? 0;
  const bars = useMemo(
    () => (width > 0 ? barsOf(values, filterOrder(values, order.value), width) : []),
    [values, order.value, width],
  );
  const colors = steps(model.theme.value, STEPS);
  const chosen = filters.value;
  const unit = (value: number): string => formatMeasure(metric.value, value);
  const pointed = cursor.value === null ? undefined : bars[Math.min(cursor.value, bars.length - 1)];

  useLayoutEffect(() => {
    if (!canvas.current || !size) return;
    paintBars(canvas.current, size, bars, {
      top,
      colors,
      step: (value) => stepOf(value, top),
      chosen: new Set(chosen),
    });
  }, [bars, size, colors.join(), top, chosen]);

  useLayoutEffect(() => {
    const element = overlay.current;
    if (!element || !size) return;
    const ratio = window.devicePixelRatio || 1;
    element.width = Math.round(size.width * ratio);
    element.height = Math.round(size.height * ratio);
    const context = element.getContext('2d');
    if (!context) return;
    context.scale(ratio, ratio);
    const column = size.width / Math.max(1, bars.length);
    const style = getComputedStyle(element);
    if (brush.value) {
      const [from, to] = [brush.value.from, brush.value.to].sort((x, y) => x - y) as [
        number,
        number,
      ];
      context.fillStyle = style.getPropertyValue('--pressed');
      context.fillRect(from * column, 0, (to - from + 1) * column, size.height);
    } else if (cursor.value !== null && pointed) {
      context.fillStyle = style.getPropertyValue('--pressed');
      context.fillRect(cursor.value * column, 0, Math.max(1, column), size.height);
    }
  }, [cursor.value, brush.value, bars, size]);

  useEffect(() => {
    cursor.value = null;
  }, [data, order.value]);

  function barAt(event: PointerEvent): number {
    const box = stage.current?.getBoundingClientRect();
    if (!box) return 0;
    const share = (event.clientX - box.left) / box.width;
    return Math.max(0, Math.min(bars.length - 1, Math.floor(share * bars.length)));
  }

  const between = (from: number, to: number): number[] =>
    bars.slice(Math.min(from, to), Math.max(from, to) + 1).flatMap((bar) => bar.filters);

  function onPointerDown(event: PointerEvent): void {
    if (event.button !== 0 || bars.length === 0) return;
    const at = barAt(event);
    if (event.shiftKey) {
      filters.value = withFilters([], between(origin.current, at), 'add');
      return;
    }
    stage.current?.setPointerCapture(event.pointerId);
    origin.current = at;
    brush.value = { from: at, to: at };
  }

  function onPointerMove(event: PointerEvent): void {
    if (bars.length === 0) return;
    cursor.value = barAt(event);
    if (brush.value) brush.value = { ...brush.value, to: cursor.value };
  }

  function onPointerUp(event: PointerEvent): void {
    const drawn = brush.value;
    if (!drawn) return;
    brush.value = null;
    const range = between(drawn.from, drawn.to);
    const more = event.ctrlKey || event.metaKey;
    const how = drawn.from === drawn.to ? 'toggle' : 'add';
    filters.value = withFilters(filters.value, range, more ? how : 'replace');
  }

  function onKeyDown(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey || bars.length === 0) return;
    const at = cursor.value ?? 0;
    const page = Math.max(1, Math.round(bars.length / 10));
    const moves: Record<string, number> = {
      ArrowLeft: at - 1,
      ArrowRight: at + 1,
      PageUp: at - page,
      PageDown: at + page,
      Home: 0,
      End: bars.length - 1,
    };
    const next = moves[event.key];
    if (next !== undefined) {
      cursor.value = Math.max(0, Math.min(bars.length - 1, cursor.value === null ? 0 : next));
      if (event.shiftKey)
        filters.value = withFilters([], between(origin.current, cursor.value), 'add');
      else origin.current = cursor.value;
    } else if (event.key === 'Enter' || event.key === ' ') {
      filters.value = withFilters(filters.value, bars[at]?.filters ?? [], 'toggle');
    } else if (event.key === 'Escape' && filters.value.length > 0) {
      filters.value = [];
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  const info = metricInfo(metric.value);
  const spoken = pointed ? readOut(pointed, top, unit, chosen) : `${data.filters} filters`;
  const single = data.filters === 1 ? 'filter' : 'filters';
  return (
    <>
      <header class="net-strip-header">
        <span class="net-strip-name">
          <span>
            <b>{formatCount(data.filters)}</b> {single} of
          </span>
          <b title={data.layer}>{data.layer}</b>
        </span>
        <span
          class="net-strip-read tabular"
          title={`${info.label} of each filter, in percent of the largest (${unit(top)})`}
        >
          {pointed
            ? spoken
            : chosen.length > 0
              ? `${formatCount(chosen.length)} selected`
              : `100 % is ${unit(top)}`}
        </span>
        {chosen.length > 0 && (
          <Button
            variant="text"
            onClick={() => {
              stage.current?.focus({ preventScroll: true });
              filters.value = [];
            }}
          >
            Clear
          </Button>
        )}
        <div class="net-steps" role="img" aria-label="Colours in steps of 20 % of the largest">
          0
          <span>
            {colors.map((color) => (
              <i key={color} style={{ background: color }} />
            ))}
          </span>
          100 %
        </div>
        <Segments
          small
          label="Order of the filters"
          value={order.value}
          options={ORDERS}
          onChange={(value) => {
            order.value = value;
          }}
        />
      </header>
      <div class="net-strip-plot" data-stale={stale ? '' : undefined}>
        <div class="net-strip-axis tabular" aria-hidden="true">
          <span>100 %</span>
          <span>0</span>
        </div>
        <i
          class="net-strip-scale"
          aria-hidden="true"
          style={{ background: stepsUpwards(colors) }}
        />
        <div
          ref={stage}
          class="net-strip-bars"
          role="slider"
          tabIndex={0}
          aria-label={`Filters of ${data.layer}; Enter selects, Shift with arrows selects a range`}
          aria-valuemin={0}
          aria-valuemax={Math.max(0, bars.length - 1)}
          aria-valuenow={cursor.value ?? 0}
          aria-valuetext={spoken}
          onPointerDown={onPointerDown}
          onPointerMove={onPointerMove}
          onPointerUp={onPointerUp}
          onPointerCancel={() => {
            brush.value = null;
          }}
          onPointerLeave={() => {
            if (!brush.value) cursor.value = null;
          }}
          onKeyDown={onKeyDown}
        >
          <canvas ref={canvas} />
          <canvas ref={overlay} />
        </div>
      </div>
    </>
  );
}
