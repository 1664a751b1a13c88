/** Why there is nothing to draw. */
import { computed } from '@preact/signals';
import { correlationForm, log } from '../../state/training';
import { correlation } from '../../state/training-data';
import { known } from './model';

export type Reason = 'waiting' | 'passes' | 'labels' | 'dumps' | 'failed' | 'columns' | 'rows';

export const nothingToShow = computed<Reason | null>(() => {
  const recorded = log.value;
  if (recorded === null) return 'waiting';
  if (recorded.passes.length === 0) return 'passes';
  if (!recorded.labelled) return 'labels';
  if (recorded.dumps.length === 0) return 'dumps';
  const answer = known.value;
  if (answer === null) return correlation.value.status === 'failed' ? 'failed' : 'waiting';
  if (answer.columns.length === 0) return 'columns';
  const rows = answer.rows.filter(
    ({ sets }) => correlationForm.value === 'simple' || sets.length > 0,
  );
  return rows.length === 0 ? 'rows' : null;
});
