/** A row's chart as shapes, in device pixels. */
import type { LayerChart } from '../../state/training';
import { bandShapes } from './bands';
import { boxShapes } from './box';
import type { Bucket } from './buckets';
import type { ChartStyle } from './chart-style';
import type { Extent } from './extents';
import { horizonShapes } from './horizon';
import { lineShapes } from './line';
import { notFiniteShapes } from './not-finite';
import type { Row } from './series';
import type { Shape } from './shapes';

export interface ChartSpec {
  readonly chart: LayerChart;
  readonly row: Row;
  readonly extent: Extent | null;
  readonly buckets: readonly Bucket[];
  readonly height: number;
  readonly ratio: number;
  readonly style: ChartStyle;
}

export function shapesOf(spec: ChartSpec): readonly Shape[] {
  const { row, buckets, height, ratio, style } = spec;
  return [...finiteShapes(spec), ...notFiniteShapes(row, buckets, height, style.notFinite, ratio)];
}

/** Without any finite value every column is missing. */
function finiteShapes(spec: ChartSpec): readonly Shape[] {
  const { chart, row, buckets, height, ratio, style } = spec;
  const extent = spec.extent ?? { low: 0, high: 0 };
  switch (chart) {
    case 'bands':
      return bandShapes(row, buckets, height, style.bands, style.missing);
    case 'box':
      return boxShapes(row, buckets, extent, height, style.box, ratio);
    case 'line':
      return lineShapes(row, buckets, extent, height, style.line, ratio);
    default:
      return horizonShapes(row, buckets, extent, height, style.horizon);
  }
}
