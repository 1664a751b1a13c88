import type { JSX } from 'preact';
import { textWidth } from '../../elements/fit-text';
import { RUN_SHAPES, type WhichRun } from '../../elements/RunMark';
import { inkOn, sequentialTable } from '../../scales/color';
import { formatNumber } from '../../scales/format';
import { GUTTER, MARGIN } from '../../scales/steps';
import { dark } from '../../state/environment';
import { blocks, otherBlocks, rates, width } from './model';
import { isPaired, otherRates } from './other';

const HEIGHT = 20;
const LABEL_SIZE = 11;
const LABEL_EDGES = 10;
/** Of the scale's 257 colours: the palest would vanish, the strongest would shout. */
const [PALEST, STRONGEST] = [44, 200];

/** One block for each stage of a constant learning rate, stronger where it is higher. */
export function RateStrip({ run }: { readonly run: WhichRun }): JSX.Element {
  const theme = dark.value ? 'dark' : 'light';
  // Of both runs: equal rates have equal colours.
  const color = rateColor(
    [...rates.value, ...otherRates.value].map(({ value }) => value),
    sequentialTable(theme),
  );
  const shown = run === 'own' ? blocks.value : otherBlocks.value;
  return (
    <svg
      class="model-strip"
      width={GUTTER + width.value + MARGIN}
      height={HEIGHT + 8}
      aria-hidden="true"
    >
      {run === 'own' && (
        <text class="model-name" x={12} y={18}>
          Learning rate
        </text>
      )}
      {isPaired.value && (
        <path
          class="run-shape"
          data-run={run}
          d={RUN_SHAPES[run]}
          transform={`translate(${GUTTER - 11} 14)`}
        />
      )}
      <g transform={`translate(${GUTTER} 4)`}>
        {shown.map(({ stage, left, width: across }) => {
          const fill = color(stage.value);
          const text = formatNumber(stage.value);
          const fits = textWidth(text, LABEL_SIZE) + LABEL_EDGES <= across;
          return (
            <g key={stage.first} class="rate-block">
              <rect x={left} y={0} width={across} height={HEIGHT} fill={fill} />
              {fits && (
                <text
                  x={left + across / 2}
                  y={14}
                  text-anchor="middle"
                  style={{ fill: inkOn(fill) }}
                >
                  {text}
                </text>
              )}
            </g>
          );
        })}
      </g>
    </svg>
  );
}

/** By the logarithm: rates fall by factors. */
function rateColor(values: readonly number[], colors: readonly string[]) {
  const logs = values.filter((value) => value > 0).map(Math.log);
  const [low, high] = [Math.min(...logs), Math.max(...logs)];
  return (value: number): string => {
    if (value <= 0) return colors[PALEST] as string;
    const share = high > low ? (Math.log(value) - low) / (high - low) : 0.5;
    return colors[Math.round(PALEST + share * (STRONGEST - PALEST))] as string;
  };
}
