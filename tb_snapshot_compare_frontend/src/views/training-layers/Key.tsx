/** What the charts' colours mean. */
import type { JSX } from 'preact';
import { layerChart, sameScale, shownLayers } from '../../state/training';
import { extentOf } from './extents';
import * as model from './model';
import { bandWords } from './words';

export interface KeyEntry {
  readonly label: string;
  readonly colors: readonly string[];
  /** Of the one colour. */
  readonly stripe?: string;
}

/** Also the legend of an exported drawing. */
export function keyEntries(): readonly KeyEntry[] {
  const { missing, notFinite } = model.style.value;
  const { edge, stripe } = notFinite;
  const gaps = model.someGaps.value || shownLayers.value.length > 0;
  return [
    ...chartEntries(),
    ...(model.someNotFinite.value ? [{ label: 'NaN or infinite', colors: [edge], stripe }] : []),
    ...(gaps ? [{ label: 'not known', colors: [missing] }] : []),
  ];
}

function chartEntries(): readonly KeyEntry[] {
  const style = model.style.value;
  switch (layerChart.value) {
    case 'bands':
      return bandWords(model.shownEdges.value).map((label, band) => ({
        label,
        colors: [style.bands[band] ?? ''],
      }));
    case 'box':
      return [
        { label: 'minimum to maximum', colors: [style.box.range] },
        { label: 'quartiles', colors: [style.box.box] },
        { label: 'mean', colors: [style.box.mean] },
        ...beyondEntry(),
      ];
    case 'horizon':
      return horizonEntries();
    default:
      return beyondEntry();
  }
}

function beyondEntry(): readonly KeyEntry[] {
  const colors = [model.style.value.line.beyond];
  return model.isCut.value ? [{ label: 'beyond the scale', colors }] : [];
}

function horizonEntries(): readonly KeyEntry[] {
  const { above, below } = model.style.value.horizon;
  const base = model.horizonFrom.value === 'zero' ? 0 : Number.NEGATIVE_INFINITY;
  const falls = model.allValues.value.some(([, row]) => (extentOf(row)?.low ?? base) < base);
  const scale = sameScale.value ? 'the scale of all rows' : "the row's scale";
  const most = above.length === 1 ? 'one band' : `${above.length} bands up to ${scale}`;
  const rising = { label: falls ? 'positive' : most, colors: above };
  return falls ? [{ label: 'negative', colors: below }, rising] : [rising];
}

/** Stripes as wide as in the charts. */
function groundOf(color: string, stripe: string | undefined): string {
  return stripe === undefined
    ? color
    : `repeating-linear-gradient(90deg, ${color} 0 3px, ${stripe} 3px 6px)`;
}

export function Key(): JSX.Element | null {
  const entries = keyEntries();
  if (entries.length === 0) return null;
  return (
    <div class="layers-legend">
      {entries.map(({ label, colors, stripe }) => (
        <span key={label}>
          <span class="layers-swatches">
            {colors.map((color) => (
              <i key={color} style={{ background: groundOf(color, stripe) }} />
            ))}
          </span>
          {label}
        </span>
      ))}
    </div>
  );
}
