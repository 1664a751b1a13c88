/** What was clicked, in words, and what can be done with it. */
import type { JSX } from 'preact';
import { stepWords } from '../../elements/axis-words';
import { Button } from '../../elements/Button';
import { correlationForm, pinAll, pinMode, pins } from '../../state/training';
import { compareChosen } from './choosing';
import * as model from './model';
import { countOf, filterWords } from './words';

export function Chosen(): JSX.Element {
  const chosen = model.chosen.value;
  if (chosen === null) {
    return <p class="correlation-chosen muted">{hint()}</p>;
  }
  const { layer, filters, steps } = chosen;
  const unpinned = steps.filter((step) => !pins.value.includes(step));
  return (
    <p class="correlation-chosen" role="status">
      <span>{sentence(chosen)}</span>
      {unpinned.length > 0 && (
        <Button variant="text" onClick={() => pinAll(steps)}>
          Pin {steps.length === 1 ? 'the iteration' : countOf(steps.length, 'iteration')}
        </Button>
      )}
      {layer !== null && filters.length > 0 && (
        <Button
          variant="text"
          title="Opens Compare on these filters, with the snapshots around the pins"
          onClick={() => compareChosen(chosen)}
        >
          Compare {filters.length === 1 ? 'the filter' : countOf(filters.length, 'filter')}
        </Button>
      )}
      <Button variant="text" onClick={() => model.choose(null)}>
        Clear
      </Button>
    </p>
  );
}

/** What a click does, in the form and the mode that are in use. */
function hint(): string {
  const what = correlationForm.value === 'simple' ? 'a cell' : 'a block or a line';
  const deed = pinMode.value
    ? 'to keep it highlighted and to pin its iterations'
    : 'to keep it highlighted; its iterations are pinned while clicks pin';
  return `Click ${what}, or press Enter at it, ${deed}.`;
}

const NAMED = 4;

function sentence({ layer, classes, filters, steps, of }: model.Chosen): string {
  const named = classes.slice(0, NAMED).map(model.className).join(', ');
  const more = classes.length > NAMED ? ` and ${classes.length - NAMED} more classes` : '';
  const when =
    steps.length === 1 ? stepWords(steps[0] as number) : countOf(steps.length, 'iteration');
  const at = `at ${when} of ${named}${more}`;
  if (layer === null) return `Several mini-sets changed ${at}.`;
  if (filters.length === 0) {
    return `No filter of ${layer} was among the most changed at the anomalies of ${named}.`;
  }
  const which = `${filterWords(filters)} of ${layer}`;
  const together = filters.length > 1 && of !== 'class' ? ' together' : '';
  return `${which.charAt(0).toUpperCase()}${which.slice(1)} changed${together} ${at}.`;
}
