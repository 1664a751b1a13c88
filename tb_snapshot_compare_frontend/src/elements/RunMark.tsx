import type { JSX } from 'preact';
import { adoptStyles } from '../theme/styles';
import { fitText } from './fit-text';
import css from './RunMark.css?inline';

adoptStyles(css);

/** The run on show, or the one beside it: told apart by shape as well as by colour. */
export type WhichRun = 'own' | 'other';

const SIZE = 10;

/** A filled circle or a hollow diamond, about its own middle. */
export const RUN_SHAPES: Readonly<Record<WhichRun, string>> = {
  own: 'M-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0-7 0',
  other: 'M0-4 4 0 0 4-4 0Z',
};

export function RunMark({ which }: { readonly which: WhichRun }): JSX.Element {
  return (
    <svg class="run-mark" width={SIZE} height={SIZE} viewBox="-5 -5 10 10" aria-hidden="true">
      <path class="run-shape" data-run={which} d={RUN_SHAPES[which]} />
    </svg>
  );
}

export interface RunNameProps {
  readonly which: WhichRun;
  readonly name: string;
  /** The whole name, where `name` is not. */
  readonly title?: string;
  /** Pixels for the name; runs often differ in their ends alone, so it is shortened in its middle. */
  readonly room?: number;
}

const NAME_SIZE = 11;

/** A run's mark and its name, as much of it as there is room for. */
export function RunName({ which, name, title = name, room }: RunNameProps): JSX.Element {
  return (
    <span class="run-name" title={title}>
      <RunMark which={which} />
      <span>{room === undefined ? name : fitText(name, NAME_SIZE, room)}</span>
    </span>
  );
}
