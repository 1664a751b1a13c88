/** What the charts' colours mean. */
import type { JSX } from 'preact';
import { layerChart, sameScale, shownLayers } from '../../state/training';
import { extentOf } from './extents';
import * as model from './model';
import { bandWords } from './words';

export interface KeyEntry {
  readonly label: string;
  readonly colors: readonly string[];
}

/** Also the legend of an exported drawing. */
export function keyEntries(): readonly KeyEntry[] {
  const known = chartEntries();
  const gaps = model.hasGaps.value || shownLayers.value.length > 0;
  return gaps ? [...known, { label: 'not known', colors: [model.style.value.missing] }] : known;
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

export function Key(): JSX.Element | null {
  const entries = keyEntries();
  if (entries.length === 0) return null;
  return (
    <div class="layers-legend">
      {entries.map(({ label, colors }) => (
        <span key={label}>
          <span class="layers-swatches">
            {colors.map((color) => (
              <i key={color} style={{ background: color }} />
            ))}
          </span>
          {label}
        </span>
      ))}
    </div>
  );
}
