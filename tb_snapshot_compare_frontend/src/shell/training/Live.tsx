/** That the training goes on, and where the axis shows what came with its last step. */
import type { JSX } from 'preact';
import { axisWord } from '../../elements/axis-words';
import { formatCount } from '../../scales/format';
import { indexAt, type StepScale } from '../../scales/steps';
import { steps } from '../../state/training';
import { growth } from '../../state/training-live';

/** In the gutter beside the axis. */
export function LiveBadge(): JSX.Element | null {
  const known = growth.value;
  if (known === null) return null;
  const word = axisWord.value.toLowerCase();
  return (
    <span
      class="live-badge tabular"
      title={`The training goes on: ${word} ${formatCount(known.newest)} came last`}
    >
      <i />
      live
    </span>
  );
}

/** Under the columns that are new. */
export function NewColumns(props: {
  readonly scale: StepScale;
  readonly y: number;
}): JSX.Element | null {
  const { scale, y } = props;
  const known = growth.value;
  if (known === null) return null;
  const all = steps.value;
  const first = all[indexAt(all, known.after) + 1];
  if (first === undefined) return null;
  const x = Math.max(0, scale.x(first));
  if (x >= scale.width) return null;
  return (
    <rect class="time-axis-new" x={x} y={y} width={scale.width - x} height={3}>
      <title>new</title>
    </rect>
  );
}
