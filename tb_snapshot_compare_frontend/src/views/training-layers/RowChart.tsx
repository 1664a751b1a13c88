import type { JSX } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import type { TrainingUnit } from '../../client/types';
import { memo } from '../../elements/memo';
import type { WhichRun } from '../../elements/RunMark';
import { formatNumber } from '../../scales/format';
import { layerChart, layerStatistic, shownKind } from '../../state/training';
import { otherTitle } from '../../state/training-pair';
import { prepare } from './canvas';
import { shapesOf } from './charts';
import { extentOf } from './extents';
import * as model from './model';
import { dumpsOf, otherBuckets, valuesOf } from './other';
import { ROW, ROW_GAP } from './rows';
import { hasValues } from './series';
import { paintShapes } from './shapes';
import { quantityOf, summaryOf, unitWords } from './words';

export const CHART_HEIGHT = ROW - ROW_GAP;

interface RowChartProps {
  readonly unit: TrainingUnit;
  readonly top: number;
  readonly run: WhichRun;
}

/** A small multiple: a unit's values over dumps, on a canvas. */
export const RowChart = memo(function RowChart({ unit, top, run }: RowChartProps): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  const width = model.chartWidth.value;
  const ratio = model.pixelRatio.value;
  const row = valuesOf(run, unit.path);
  const extent = model.extents.value.get(unit.path) ?? null;
  const chart = layerChart.value;
  const [buckets, style] = [
    (run === 'own' ? model.buckets : otherBuckets).value,
    model.style.value,
  ];
  const kind = shownKind.value;
  const recorded = row !== null && hasValues(row);

  useLayoutEffect(() => {
    if (!canvas.current) return;
    const context = prepare(canvas.current, width, CHART_HEIGHT, ratio);
    if (!context || !row || !recorded) return;
    const height = canvas.current.height;
    const shapes = shapesOf({ chart, row, extent, buckets, height, ratio, style });
    paintShapes(context, shapes, style.hatch, ratio);
  }, [row, recorded, extent, chart, buckets, style, width, ratio]);

  const quantity = kind ? quantityOf(chart, kind, layerStatistic.value) : '';
  const summary = summaryOf(chart, row, dumpsOf(run), model.shownEdges.value);
  const of = run === 'own' ? '' : ` in ${otherTitle.value}`;
  return (
    <div class="layers-chart" style={{ top: `${top}px`, height: `${CHART_HEIGHT}px` }}>
      <canvas
        ref={canvas}
        role="img"
        aria-label={`${unitWords(unit)}${of}: ${quantity}, ${summary}`}
        style={{ width: `${width}px`, height: `${CHART_HEIGHT}px` }}
        data-loading={row === null ? '' : undefined}
      />
      {row && !recorded && <span class="layers-none">not recorded</span>}
      {row && recorded && run === 'own' && <Scale path={unit.path} />}
    </div>
  );
});

/** The ends of a row's range, at its right edge. */
function Scale({ path }: { readonly path: string }): JSX.Element | null {
  const extent = model.extents.value.get(path);
  const row = model.values.value.get(path);
  if (!extent || !row) return null;
  const chart = layerChart.value;
  const share = chart === 'bands';
  const text = (value: number) => (share ? `${100 * value}\u00a0%` : formatNumber(value));
  const both = chart === 'horizon' && (extentOf(row)?.low ?? 0) < extent.low;
  return (
    <span class="layers-scale tabular" aria-hidden="true">
      <span>
        {both ? '±' : ''}
        {text(extent.high)}
      </span>
      <span>{text(extent.low)}</span>
    </span>
  );
}
