/** The view as files. */
import type { Correlation } from '../../client/types';
import { fitText } from '../../elements/fit-text';
import { toCsv } from '../../render/csv';
import { type Heading, headedSvg } from '../../render/headed-svg';
import { escaped, type Size, short, svgDocument, themeTokens } from '../../render/svg-document';
import { formatCount, formatFraction } from '../../scales/format';
import { GUTTER, MARGIN } from '../../scales/steps';
import { correlationForm, log } from '../../state/training';
import { correlationRows } from './correlation-csv';
import * as cube from './cube-model';
import { cubeDrawing } from './cube-svg';
import { type Heads, type Lie, nameRoom, stepLabel, WORD_SIZE } from './heads';
import type { Layout } from './layout';
import * as model from './model';
import { middleOf, paintLayout } from './paint';
import { svgPen } from './pen';

export function correlationCsv(): string {
  const known = model.known.value;
  if (known === null) return '';
  return toCsv(correlationRows(known, correlationForm.value !== 'simple', model.className));
}

export function correlationSvg(): string {
  if (correlationForm.value === 'cube') return headed(...cubeDrawing());
  const [known, layout, heads] = [model.known.value, model.layout.value, model.heads.value];
  if (known === null || layout === null || heads === null) throw new Error('the view is not drawn');
  const pen = svgPen();
  const top = heads.height;
  const whole = { left: 0, top: 0, right: layout.width, bottom: layout.height };
  paintLayout(pen, known, layout, whole, model.colors.value);
  return headed(
    [
      ...names(known, layout, heads),
      `<g transform="translate(${GUTTER} ${top})">`,
      ...pen.parts,
      '</g>',
    ].join(''),
    {
      width: GUTTER + layout.width + MARGIN,
      height: top + layout.height + MARGIN,
    },
  );
}

function headed(content: string, size: Size): string {
  const chart = svgDocument(size, themeTokens(), [content]);
  const title = `Correlation of layers and classes of ${log.value?.run ?? ''}`;
  return headedSvg(chart, { title, ...key() });
}

const STOPS = 9;

/** What the colours mean. */
function key(): Pick<Heading, 'legend' | 'ramp' | 'swatches'> {
  const { block } = model.colors.value;
  const sets = { color: block, label: 'mini-set changed together' };
  switch (correlationForm.value) {
    case 'simple': {
      const most = model.most.value;
      const colors = Array.from({ length: STOPS }, (_, at) =>
        model.countColor.value(1 + ((most - 1) * at) / (STOPS - 1)),
      );
      return {
        legend: 'Strongly changing filters',
        ramp: { colors, from: '1', to: formatCount(most) },
      };
    }
    case 'cube': {
      const [errors, changes] = [stopsOf(cube.errorColors.value), cube.changeColors.value];
      const most = { color: changes.at(-1) as string, label: 'a filter’s largest change in sight' };
      return {
        legend: 'Error',
        ramp: { colors: errors, from: formatFraction(0), to: formatFraction(1) },
        swatches: [most, sets],
      };
    }
    default:
      return { legend: '', swatches: [sets] };
  }
}

function stopsOf(colors: readonly string[]): readonly string[] {
  const last = colors.length - 1;
  return Array.from({ length: 4 * STOPS }, (_, at) => {
    return colors[Math.round((at / (4 * STOPS - 1)) * last)] as string;
  });
}

function names(known: Correlation, layout: Layout, heads: Heads): readonly string[] {
  const rows = layout.rows.map(
    ({ layer, top, height }) =>
      `<text x="${GUTTER - 8}" y="${top + heads.height + height / 2 + 4}" text-anchor="end" font-size="12">${escaped(fitText(layer, 12, GUTTER - 24))}</text>`,
  );
  const { names: named, steps } = heads;
  const classes = layout.columns.map(({ classIndex, left, width }) => {
    const name = fitText(model.className(classIndex), WORD_SIZE, nameRoom(named, width));
    return headText(name, GUTTER + left + width / 2, named.height, named.lie);
  });
  const times = known.columns.map(({ step }, column) =>
    steps
      ? headText(
          stepLabel(step),
          GUTTER + middleOf(layout, column),
          named.height + steps.height,
          steps.lie,
        )
      : '',
  );
  return [...rows, ...classes, ...times];
}

/** A word above a column, whose row ends at `bottom`. */
function headText(words: string, x: number, bottom: number, lie: Lie): string {
  const place =
    lie === 'across'
      ? `x="${short(x)}" y="${bottom - 4}" text-anchor="middle"`
      : `transform="translate(${short(x + 4)} ${bottom}) rotate(-90)"`;
  return `<text ${place} font-size="${WORD_SIZE}">${escaped(words)}</text>`;
}
