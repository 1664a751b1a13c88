/** What is below a layer's row: its filters, or why they are not there. */
import type { JSX } from 'preact';
import { useMemo } from 'preact/hooks';
import type { FilterSeries } from '../../client/types';
import { Button } from '../../elements/Button';
import { sequentialTable } from '../../scales/color';
import { formatNumber } from '../../scales/format';
import { GUTTER } from '../../scales/steps';
import { retryFailed } from '../../state/environment';
import { latest } from '../../state/resources';
import { filterMeasure, filterScale, hoveredUnit } from '../../state/training';
import { filterSeries } from '../../state/training-data';
import { chooseFilter, chosenOf, setZoom } from './choosing';
import { FilterChart } from './FilterChart';
import { boundsAt, shadingOf } from './filter-scale';
import { absenceOf } from './filter-words';
import * as model from './model';
import { type FilterBlock, ZOOM_LEAST, ZOOM_MOST, ZOOM_STEP } from './rows';
import { LABELS_LEFT } from './tree';
import { SCALE_ENDS } from './words';

export interface FilterBlockProps {
  readonly path: string;
  readonly block: FilterBlock;
}

export function FilterBlockView({ path, block }: FilterBlockProps): JSX.Element {
  const resource = filterSeries.value.get(path) ?? { status: 'idle' };
  const series = latest(resource);
  const top = model.topLinesOf(path);
  const lines = useMemo(
    () => (series === null ? [] : linesOf(series, block.kind === 'lines' ? top : null)),
    [series, block.kind, top?.join()],
  );
  if (resource.status === 'failed' && series === null) {
    return <Failed path={path} block={block} text={resource.failure.message} />;
  }
  const stale = resource.status !== 'ready' || series?.measure !== filterMeasure.value;
  return (
    <>
      {block.kind === 'lines' ? (
        <LineLabels path={path} block={block} filters={top ?? []} />
      ) : (
        <Side path={path} block={block} series={series} />
      )}
      {series === null ? (
        <div
          class="layers-filters-wait"
          role="status"
          aria-label={`Reading the filters of ${path}`}
          style={{ top: `${block.top}px`, height: `${block.chart}px` }}
        />
      ) : (
        <FilterChart path={path} series={series} block={block} lines={lines} stale={stale} />
      )}
      {series && <Nothing series={series} block={block} />}
    </>
  );
}

/** Without this, a layer of which nothing moved looks as one that is still to be drawn. */
function Nothing(props: {
  readonly series: FilterSeries;
  readonly block: FilterBlock;
}): JSX.Element | null {
  const text = useMemo(() => absenceOf(props.series), [props.series]);
  if (text === null) return null;
  return (
    <span class="layers-filters-none" style={{ top: `${props.block.top}px` }}>
      {text}
    </span>
  );
}

/** Places in the series: of all filters, or of some that are in it. */
function linesOf(series: FilterSeries, filters: readonly number[] | null): readonly number[] {
  if (filters === null) return series.filters.map((_, place) => place);
  return filters.map((filter) => series.filters.indexOf(filter)).filter((place) => place >= 0);
}

function Failed(props: FilterBlockProps & { readonly text: string }): JSX.Element {
  const { path, block, text } = props;
  return (
    <p class="layers-filters-failed" role="alert" style={{ top: `${block.top}px` }}>
      The filters of {path} could not be read. {text}{' '}
      <Button variant="text" onClick={retryFailed}>
        Try again
      </Button>
    </p>
  );
}

/** In the gutter beside the pixels: the zoom, and what the colours mean in this layer. */
function Side(props: FilterBlockProps & { readonly series: FilterSeries | null }): JSX.Element {
  const { path, block, series } = props;
  const zoom = model.zooms.value.get(path) ?? ZOOM_LEAST;
  const scrolls = block.filters * block.line > block.chart;
  return (
    <div
      class="layers-side"
      style={{
        top: `${block.top}px`,
        left: `${LABELS_LEFT}px`,
        width: `${GUTTER - LABELS_LEFT}px`,
        height: `${block.chart}px`,
      }}
    >
      <span class="layers-zoom">
        <button
          type="button"
          aria-label={`Zoom out: filters of ${path}`}
          disabled={zoom <= ZOOM_LEAST}
          onClick={() => setZoom(path, zoom - ZOOM_STEP)}
        >
          −
        </button>
        <span class="tabular">{zoom}×</span>
        <button
          type="button"
          aria-label={`Zoom in: filters of ${path}`}
          disabled={zoom >= ZOOM_MOST}
          onClick={() => setZoom(path, zoom + ZOOM_STEP)}
        >
          +
        </button>
      </span>
      {series && <Key series={series} />}
      {!scrolls && block.chart > 30 && (
        <span class="layers-side-ends tabular" aria-hidden="true">
          <span>0</span>
          <span>{block.filters - 1}</span>
        </span>
      )}
    </div>
  );
}

const STOPS = 9;

function Key({ series }: { readonly series: FilterSeries }): JSX.Element {
  const scale = filterScale.value;
  const shading = useMemo(() => shadingOf(series, scale), [series, scale]);
  const table = sequentialTable(model.theme.value);
  const colors = Array.from(
    { length: STOPS },
    (_, at) => table[Math.round((at / (STOPS - 1)) * (table.length - 1))],
  );
  const whole = scale === 'all' ? boundsAt(shading, 0, 0) : null;
  const [from, to] = [
    formatNumber(whole?.low ?? 0),
    whole ? formatNumber(whole.high) : SCALE_ENDS[scale],
  ];
  const curve = shading.isAngle ? ', by the square root: it grows as the angle' : '';
  return (
    <span class="layers-key" title={`From ${from} (light) to ${to} (dark)${curve}`}>
      <i style={{ background: `linear-gradient(90deg, ${colors.join(',')})` }} />
      <span class="tabular">
        {from} to {to}
      </span>
    </span>
  );
}

function LineLabels(
  props: FilterBlockProps & { readonly filters: readonly number[] },
): JSX.Element {
  const { path, block, filters } = props;
  const chosen = chosenOf(path);
  return (
    <>
      {filters.map((filter, line) => (
        <button
          key={filter}
          type="button"
          class="layers-line-label tabular"
          aria-pressed={chosen.includes(filter)}
          title={`Select filter ${filter} of ${path}`}
          style={{
            top: `${block.top + line * block.line}px`,
            left: `${LABELS_LEFT}px`,
            width: `${GUTTER - LABELS_LEFT - 6}px`,
            height: `${block.line - 2}px`,
          }}
          onClick={() => chooseFilter(path, filter)}
          onPointerEnter={() => {
            hoveredUnit.value = path;
          }}
        >
          filter {filter}
        </button>
      ))}
    </>
  );
}
