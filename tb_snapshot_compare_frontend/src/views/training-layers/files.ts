/** The view as files. */
import { axisWord } from '../../elements/axis-words';
import { fitText } from '../../elements/fit-text';
import { RUN_SHAPES, type WhichRun } from '../../elements/RunMark';
import { toCsv } from '../../render/csv';
import { type Heading, headedSvg } from '../../render/headed-svg';
import { STEPS_AXIS_HEIGHT, stepsAxis } from '../../render/steps-axis-svg';
import { escaped, short, svgDocument, type Token, themeTokens } from '../../render/svg-document';
import { sequentialTable } from '../../scales/color';
import { formatNumber } from '../../scales/format';
import { GUTTER, MARGIN } from '../../scales/steps';
import { latest } from '../../state/resources';
import * as state from '../../state/training';
import { filterSeries } from '../../state/training-data';
import { otherTitle, ownTitle, shortTitles } from '../../state/training-pair';
import { bucketsOf } from './buckets';
import { shapesOf } from './charts';
import { shadingOf } from './filter-scale';
import { type KeyEntry, keyEntries } from './Key';
import { layersRows, withRuns } from './layers-csv';
import * as model from './model';
import { unitName } from './names';
import { layOutStrip } from './network-strip';
import { otherColumns, valuesOf } from './other';
import { absenceWords, isPaired, otherDumps, otherValues } from './other-values';
import { filterPixels, putPixels } from './paint-filters';
import { type FilterBlock, HEAT_LINE, heightOf, ROW, ROW_GAP, type UnitRow } from './rows';
import { svgShapes } from './shapes';
import { LABELS_LEFT, layOutTree } from './tree';
import { MEASURES, parametersOf, quantityOf } from './words';

export function layersCsv(): string {
  const shown = {
    chart: state.layerChart.value,
    kind: state.shownKind.value ?? '',
    statistic: state.layerStatistic.value,
    edges: model.shownEdges.value,
  };
  const [dumps, rows, filters] = [state.dumps.value, model.values.value, shownSeries()];
  const own = layersRows({ ...shown, dumps, rows, filters });
  if (!isPaired.value) return toCsv(own);
  const other = { dumps: otherDumps.value, rows: otherValues.value, filters: [] };
  return toCsv(
    withRuns([
      [ownTitle.value, own],
      [otherTitle.value, layersRows({ ...shown, ...other })],
    ]),
  );
}

function shownSeries() {
  return state.shownLayers.value.flatMap((path) => {
    return latest(filterSeries.value.get(path) ?? { status: 'idle' }) ?? [];
  });
}

export function quantity(): string {
  const kind = state.shownKind.value;
  if (kind === null) return 'not recorded';
  return quantityOf(state.layerChart.value, kind, state.layerStatistic.value);
}

/** All rows, with the whole of every opened layer, above the steps. */
export function layersSvg(title: string): string {
  const width = model.chartWidth.value;
  if (width === 0) throw new Error('the charts are not drawn');
  const rows = model.unscrolledRows();
  const height = heightOf(rows);
  const token = themeTokens();
  const chart = svgDocument(
    { width: GUTTER + width + MARGIN, height: height + STEPS_AXIS_HEIGHT },
    token,
    [
      treeParts(rows, height, token),
      ...rows.map((row) => rowParts(row, width, token)),
      stepsAxis(model.scale.value, axisWord.value.toLowerCase(), height, token),
    ],
  );
  const filters = state.shownLayers.value.length > 0;
  const measure = state.filterMeasure.value;
  return headedSvg(chart, {
    title,
    subtitle: [quantity(), ...(filters ? [`filters: ${MEASURES[measure] ?? measure}`] : [])],
    legend: '',
    ...rampOf(keyEntries()),
    swatches: keyEntries().flatMap(({ label, colors }) =>
      colors.length === 1 ? [{ color: colors[0] as string, label }] : [],
    ),
  });
}

/** Entries of several colours are one ramp, from the first's end to the last's. */
function rampOf(entries: readonly KeyEntry[]): Pick<Heading, 'ramp'> {
  const [first, second] = entries.filter(({ colors }) => colors.length > 1);
  if (!first) return {};
  if (!second) return { ramp: { colors: first.colors, from: '', to: first.label } };
  const colors = [...first.colors.toReversed(), ...second.colors];
  return { ramp: { colors, from: first.label, to: second.label } };
}

function treeParts(rows: readonly UnitRow[], height: number, token: Token): string {
  const tree = layOutTree(state.units.value, model.items.value, rows, height);
  const strip = layOutStrip(model.graph.value, tree.layers, tree.pitch);
  const links = strip.links.map(
    ({ d }) => `<path d="${d}" fill="none" stroke="${token('--ink-faint')}"/>`,
  );
  const marks = strip.layers.map(
    ({ left, width, top, height: tall }) =>
      `<rect x="${short(left)}" y="${short(top)}" width="${short(width)}" height="${short(tall)}" fill="${token('--ink-faint')}"/>`,
  );
  const joins = strip.joins.map(
    ({ x, y, radius }) =>
      `<circle cx="${short(x)}" cy="${short(y)}" r="${short(radius)}" fill="${token('--card')}" stroke="${token('--ink-faint')}"/>`,
  );
  const curves = tree.connectors.map(
    ({ d }) => `<path d="${d}" fill="none" stroke="${token('--border-strong')}"/>`,
  );
  const bars = tree.bars.map(({ item, left, width, top, height: tall }) => {
    const [fill, stroke] = item.open
      ? ['none', token('--border-strong')]
      : [token('--ink-faint'), 'none'];
    return `<rect x="${short(left)}" y="${short(top)}" width="${short(width)}" height="${short(tall)}" fill="${fill}" stroke="${stroke}"/>`;
  });
  return [...links, ...marks, ...joins, ...curves, ...bars].join('');
}

function rowParts(row: UnitRow, width: number, token: Token): string {
  const { unit, top, filters, other } = row;
  const muted = `fill="${token('--ink-muted')}" font-size="10"`;
  const full = unitName(unit.path);
  const name = model.labels.value.get(unit.path) ?? full;
  const title = name === full ? '' : `<title>${escaped(full)}</title>`;
  const parts = [
    `<text x="${LABELS_LEFT + 16}" y="${top + 15}" font-size="12">${escaped(name)}${title}</text>`,
    other === null
      ? `<text x="${LABELS_LEFT + 16}" y="${top + 28}" ${muted}>${parametersOf(unit)} parameters</text>`
      : runParts('own', top + 24, muted, token),
    `<g transform="translate(${GUTTER} ${top})">${chartParts('own', unit.path, width)}</g>`,
    scaleParts(unit.path, top, GUTTER + width, token),
  ];
  if (other !== null) parts.push(otherParts(unit.path, other, width, muted, token));
  if (filters) parts.push(filterParts(unit.path, filters, width, muted));
  return parts.join('');
}

function otherParts(path: string, top: number, width: number, muted: string, token: Token): string {
  const chart =
    valuesOf('other', path) === null
      ? `<text x="8" y="20" ${muted}>${escaped(absenceWords(path))}</text>`
      : chartParts('other', path, width);
  const name = runParts('other', top + ROW / 2, muted, token);
  return `${name}<g transform="translate(${GUTTER} ${top})">${chart}</g>`;
}

/** A run's mark and name. */
function runParts(run: WhichRun, middle: number, muted: string, token: Token): string {
  const paint =
    run === 'own'
      ? `fill="${token('--ink-muted')}"`
      : `fill="none" stroke="${token('--other')}" stroke-width="1.5"`;
  const title = shortTitles.value[run];
  const text = escaped(fitText(title, 10, GUTTER - LABELS_LEFT - 36));
  return (
    `<path transform="translate(${LABELS_LEFT + 21} ${middle})" d="${RUN_SHAPES[run]}" ${paint}/>` +
    `<text x="${LABELS_LEFT + 31}" y="${middle + 4}" ${muted}>${text}</text>`
  );
}

function chartParts(run: WhichRun, path: string, width: number): string {
  const row = valuesOf(run, path);
  if (!row) return '';
  const columns = run === 'own' ? model.columns.value : otherColumns.value;
  return svgShapes(
    shapesOf({
      chart: state.layerChart.value,
      row,
      extent: model.extents.value.get(path) ?? null,
      buckets: bucketsOf(columns, width, 1),
      height: ROW - ROW_GAP,
      ratio: 1,
      style: model.style.value,
    }),
  );
}

function scaleParts(path: string, top: number, right: number, token: Token): string {
  const extent = model.extents.value.get(path);
  if (!extent) return '';
  const share = state.layerChart.value === 'bands';
  const text = (value: number) => (share ? `${100 * value} %` : formatNumber(value));
  const halo = `paint-order="stroke" stroke="${token('--card')}" stroke-width="3"`;
  const at = (y: number, value: number) =>
    `<text x="${right - 3}" y="${top + y}" font-size="10" text-anchor="end" ${halo}>${text(value)}</text>`;
  return at(10, extent.high) + at(ROW - ROW_GAP - 2, extent.low);
}

function filterParts(path: string, block: FilterBlock, width: number, muted: string): string {
  const series = latest(filterSeries.value.get(path) ?? { status: 'idle' });
  const top = model.topLinesOf(path);
  if (series === null) return '';
  const lines = (top ?? series.filters).map((filter) => series.filters.indexOf(filter));
  const size = { width: Math.round(width), height: Math.round(block.filters * block.line) };
  if (size.width === 0 || size.height === 0) return '';
  const canvas = document.createElement('canvas');
  canvas.width = size.width;
  canvas.height = size.height;
  const { missing, hatch } = model.style.value;
  const colors = { table: sequentialTable(model.theme.value), missing, grid: hatch };
  const gap = block.kind === 'lines' ? 2 : 0;
  const frame = { ...size, top: 0, row: block.line, grid: false, gap };
  const buckets = bucketsOf(model.columns.value, width, 1);
  const shading = shadingOf(series, state.filterScale.value);
  const pixels = filterPixels(shading, lines, buckets, frame, colors);
  const context = canvas.getContext('2d');
  if (context) putPixels(context, pixels);
  const labels = (block.kind === 'lines' ? (top ?? []) : []).map(
    (filter, line) =>
      `<text x="${GUTTER - 8}" y="${block.top + line * HEAT_LINE + 10}" text-anchor="end" ${muted}>filter ${filter}</text>`,
  );
  return `<image x="${GUTTER}" y="${block.top}" width="${size.width}" height="${size.height}" href="${canvas.toDataURL()}"/>${labels.join('')}`;
}
