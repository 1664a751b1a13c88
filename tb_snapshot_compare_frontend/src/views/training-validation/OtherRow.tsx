/** What tells the two runs' rows apart, beside their strips. */
import type { JSX } from 'preact';
import { RunMark, RunName } from '../../elements/RunMark';
import { otherTitle, ownTitle, shortTitles } from '../../state/training-pair';
import { adoptStyles } from '../../theme/styles';
import { type Line, type OtherLine, type Placed, STRIP } from './lines';
import * as model from './model';
import css from './other.css?inline';

adoptStyles(css);

const MARK = 10;
const NAME_ROOM = 144;

/** Left of the run's own strip. */
export function OwnMark({ line }: { readonly line: Line }): JSX.Element | null {
  if (!model.isPaired.value) return null;
  const height = Math.min(line.chartHeight, STRIP);
  const top = line.chartTop + (height - MARK) / 2;
  return (
    <span class="validation-own-mark" title={ownTitle.value} style={{ top: `${top}px` }}>
      <RunMark which="own" />
    </span>
  );
}

/** The other run's name, and why there may be no strip. */
export function OtherGutter({ line }: { readonly line: OtherLine & Placed }): JSX.Element {
  const absent = model.absenceWords(line.of);
  return (
    <>
      {/* biome-ignore lint/a11y/useSemanticElements: rows lie on a canvas, not in a table */}
      {/* biome-ignore lint/a11y/useFocusableInteractive: the grid holds the focus and names the row */}
      <div role="rowheader" class="validation-gutter validation-other">
        <RunName
          which="other"
          name={shortTitles.value.other}
          title={otherTitle.value}
          room={NAME_ROOM}
        />
      </div>
      {absent !== null && (
        <span class="validation-other-none" style={{ top: `${line.chartTop}px` }}>
          {absent}
        </span>
      )}
    </>
  );
}
