/** The drawing and its data as files. */
import { toCsv } from '../../render/csv';
import { inlineSvg } from '../../render/export';
import { type Heading, headedSvg } from '../../render/headed-svg';
import { shadeKey } from '../../state/carried';
import { metricInfo } from '../../state/metrics';
import { comparedLines, withPairColumns } from '../../state/pair-words';
import * as model from './model';
import { csvRows, layerRows } from './table-rows';

const MARGIN = 16;
const LEGEND_STEPS = 32;
/** Room for the title and the legend of a very small drawing. */
const LEAST_WIDTH = 420;

export function csvText(): string {
  return toCsv(withPairColumns(csvRows(layerRows(model.layers.value, model.differences.value))));
}

/** The whole drawing at its natural size, whatever part of it is on screen, with its legend. */
export function svgText(svg: SVGSVGElement | null): string {
  const content = svg?.querySelector<SVGGElement>(':scope > g');
  if (!svg || !content) throw new Error('the network is not drawn yet; try again in a moment');
  const { x, y, width, height } = content.getBBox();
  const shown = content.getAttribute('transform');
  const [wide, high] = [Math.max(width, LEAST_WIDTH) + 2 * MARGIN, height + 2 * MARGIN];
  svg.setAttribute('viewBox', `${x - MARGIN} ${y - MARGIN} ${wide} ${high}`);
  content.removeAttribute('transform');
  try {
    const chart = inlineSvg(svg)
      .replace(/(<svg[^>]*?) width="[^"]*"/, `$1 width="${Math.round(wide)}"`)
      .replace(/(<svg[^>]*?) height="[^"]*"/, `$1 height="${Math.round(high)}"`);
    return headedSvg(chart, heading());
  } finally {
    svg.removeAttribute('viewBox');
    if (shown !== null) content.setAttribute('transform', shown);
  }
}

function heading(): Heading {
  const [lower, upper] = model.domain.value;
  const shade = (index: number) =>
    model.color.value(lower + ((upper - lower) * index) / (LEGEND_STEPS - 1));
  return {
    title: 'Network architecture',
    subtitle: comparedLines('all tensors'),
    legend: metricInfo(shadeKey.value).label,
    ramp: {
      colors: Array.from({ length: LEGEND_STEPS }, (_, index) => shade(index)),
      from: model.shadeText(lower),
      to: model.shadeText(upper),
    },
  };
}
