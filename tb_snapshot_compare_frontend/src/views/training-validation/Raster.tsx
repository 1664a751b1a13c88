import type { JSX } from 'preact';
import { useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import type { Sight } from '../../elements/use-sight';
import { GUTTER } from '../../scales/steps';
import type { Line } from './lines';
import * as model from './model';
import { paintRows, type RasterRow } from './paint';
import { type PixelSpans, pixelSpans } from './raster';

export interface RasterProps {
  readonly lines: readonly Line[];
  readonly sight: Sight;
}

/** The strips and pixel charts of the lines in sight. */
export function Raster({ lines, sight }: RasterProps): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  const width = model.chartWidth.value;
  const height = sight.bottom - sight.top;
  const ratio = window.devicePixelRatio || 1;
  const [own, other] = [useSpans('model', width, ratio), useSpans('other', width, ratio)];
  const rows = lines.flatMap((line) => rowsOf(line, sight, line.kind === 'other' ? other : own));
  useLayoutEffect(() => {
    if (canvas.current && width > 0 && height > 0) {
      paintRows(canvas.current, width, height, rows, ratio);
    }
  });
  return (
    <canvas
      ref={canvas}
      class="validation-canvas"
      style={{
        left: `${GUTTER}px`,
        top: `${sight.top}px`,
        width: `${width}px`,
        height: `${height}px`,
      }}
    />
  );
}

/** Of the passes of one of the two runs. */
function useSpans(kind: Line['kind'], width: number, ratio: number): PixelSpans {
  const { columns } = model.axisOf({ kind });
  return useMemo(() => pixelSpans(columns, width, ratio), [columns, width, ratio]);
}

function rowsOf(line: Line, sight: Sight, spans: PixelSpans): readonly RasterRow[] {
  const top = line.top + line.chartTop - sight.top;
  if (line.kind === 'images') return imageRows(line, top, sight.bottom - sight.top, spans);
  const values = model.errorOf(line);
  if (!values) return [];
  const table = model.errorColors.value;
  return [{ top, height: line.chartHeight, values, offset: 0, table, spans, apart: false }];
}

function imageRows(
  line: Extract<Line, { readonly kind: 'images' }>,
  top: number,
  height: number,
  spans: PixelSpans,
): readonly RasterRow[] {
  const images = model.imagesOf(line.index);
  if (!images || line.images === 0) return [];
  const values = model.cellsOf(images, line.index);
  const passes = values.length / line.images;
  const table = model.cellTable.value;
  const first = Math.max(0, Math.floor(-top / line.cell));
  const end = Math.min(line.images, Math.ceil((height - top) / line.cell));
  return Array.from({ length: Math.max(0, end - first) }, (_, at) => ({
    top: top + (first + at) * line.cell,
    height: line.cell,
    values,
    offset: (first + at) * passes,
    table,
    spans,
    apart: true,
  }));
}
