/** The same row of the run beside the one on show: its name in the gutter, its chart below. */
import type { JSX } from 'preact';
import type { TrainingUnit } from '../../client/types';
import { RunName } from '../../elements/RunMark';
import { GUTTER } from '../../scales/steps';
import { otherUnits } from '../../state/training';
import { otherTitle, shortTitles } from '../../state/training-pair';
import { adoptStyles } from '../../theme/styles';
import { RUN_ROOM } from './names';
import css from './other.css?inline';
import { absenceWords, otherStateOf } from './other-values';
import { CHART_HEIGHT, RowChart } from './RowChart';
import { LABELS_LEFT } from './tree';
import { parametersOf } from './words';

adoptStyles(css);

interface OtherChartProps {
  readonly unit: TrainingUnit;
  readonly top: number;
}

export function OtherChart({ unit, top }: OtherChartProps): JSX.Element {
  const known = otherStateOf(unit.path);
  return (
    <>
      <span
        class="layers-other-name"
        style={{
          top: `${top}px`,
          left: `${LABELS_LEFT}px`,
          width: `${GUTTER - LABELS_LEFT}px`,
          height: `${CHART_HEIGHT}px`,
        }}
      >
        <RunName
          which="other"
          name={shortTitles.value.other}
          title={otherTitle.value}
          room={RUN_ROOM}
        />
        <OtherSize unit={unit} />
      </span>
      {known === 'drawn' || known === 'reading' ? (
        <RowChart unit={unit} top={top} run="other" />
      ) : (
        <span class="layers-other-none" style={{ top: `${top}px` }}>
          {absenceWords(unit.path)}
        </span>
      )}
    </>
  );
}

/** A layer of this path may have another shape there. */
function OtherSize({ unit }: { readonly unit: TrainingUnit }): JSX.Element | null {
  const other = otherUnits.value.get(unit.path);
  if (!other || other.parameters === unit.parameters) return null;
  return <span class="layers-label-size tabular">{parametersOf(other)} param.</span>;
}
