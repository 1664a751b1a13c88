/** What both runs have at a step of a row. */
import type { JSX } from 'preact';
import { stepWords } from '../../elements/axis-words';
import { RunName, type WhichRun } from '../../elements/RunMark';
import { formatFraction, MISSING } from '../../scales/format';
import { shortTitles } from '../../state/training-pair';
import type { OwnContent } from './lines';
import { pairAt, type RunValue } from './pairs';

export function PairValues(props: { readonly of: OwnContent; readonly step: number }): JSX.Element {
  const { own, other } = pairAt(props.of, props.step);
  return (
    <table class="validation-pair tabular">
      <thead>
        <tr>
          <td />
          <Head which="own" name={shortTitles.value.own} value={own} step={props.step} />
          <Head which="other" name={shortTitles.value.other} value={other} step={props.step} />
        </tr>
      </thead>
      <tbody>
        <tr>
          <th scope="row">Error</th>
          <td>{errorText(own)}</td>
          <td>{errorText(other)}</td>
        </tr>
        <tr>
          <th scope="row">Accuracy</th>
          <td>{own ? formatFraction(1 - own.error) : MISSING}</td>
          <td>{other ? formatFraction(1 - other.error) : MISSING}</td>
        </tr>
      </tbody>
    </table>
  );
}

function errorText(value: RunValue | null): string {
  return value ? formatFraction(value.error) : MISSING;
}

function Head(props: {
  readonly which: WhichRun;
  readonly name: string;
  readonly value: RunValue | null;
  readonly step: number;
}): JSX.Element {
  const { which, name, value, step } = props;
  return (
    <th scope="col">
      <RunName which={which} name={name} />
      {value === null && <span class="muted">no pass here</span>}
      {value !== null && value.step !== step && (
        <span class="muted">of {stepWords(value.step)}</span>
      )}
    </th>
  );
}
