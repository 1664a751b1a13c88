import type { Comparison, TensorDifference } from '../client/types';
import { Button } from '../elements/Button';
import { formatCount, formatShape } from '../scales/format';
import { matchingShown, RULES } from '../state/matching';

const ROWS_MAX = 200;

const MISSED: readonly (readonly [TensorDifference['status'], string])[] = [
  ['unreadable', 'Cannot be read'],
  ['shape_differs', 'Another shape in a than in b'],
  ['only_a', 'Only in a'],
  ['only_b', 'Only in b'],
  ['not_numeric', 'Not numbers'],
];

/** Which tensors the numbers do not cover, and why. */
export function CoverageDetails({ compared }: { readonly compared: Comparison }) {
  const groups = MISSED.map(([status, title]) => ({
    title,
    tensors: compared.tensors.filter((tensor) => tensor.status === status),
  })).filter(({ tensors }) => tensors.length > 0);
  const { coverage, left_out } = compared;
  const otherwise = matchedOtherwise(compared);
  const notFinite = groups.length === 0 && coverage.elements_compared < coverage.elements_total;
  return (
    <div class="coverage-details tabular">
      <h3>What is compared</h3>
      <p>
        {formatCount(coverage.tensors_compared)} of {formatCount(coverage.tensors_total)} tensors of
        the model, {formatCount(coverage.elements_compared)} of{' '}
        {formatCount(coverage.elements_total)} weights.
      </p>
      {otherwise && <p>{otherwise}</p>}
      <p>
        <Button
          onClick={() => {
            matchingShown.value = true;
          }}
        >
          Show the matching
        </Button>
      </p>
      {notFinite && <p>The other weights are NaN or infinite in a or in b.</p>}
      {groups.map(({ title, tensors }) => (
        <section key={title}>
          <h4>
            {title} ({formatCount(tensors.length)})
          </h4>
          <ul>
            {tensors.slice(0, ROWS_MAX).map((tensor) => (
              <li key={tensor.name}>
                <code>{tensor.name}</code> <span class="muted">{explanation(tensor)}</span>
              </li>
            ))}
          </ul>
          {tensors.length > ROWS_MAX && (
            <p class="muted">and {formatCount(tensors.length - ROWS_MAX)} more</p>
          )}
        </section>
      ))}
      <p class="muted">{leftOutText(left_out)}</p>
    </div>
  );
}

/** By which rules the tensors are matched that the two files call otherwise. */
function matchedOtherwise({ tensors }: Comparison): string | null {
  const parts = RULES.filter(({ key }) => key !== 'name' && key !== 'none')
    .map(({ key, label }) => ({
      label,
      count: tensors.filter(({ rule, status }) => rule === key && !status.startsWith('only_'))
        .length,
    }))
    .filter(({ count }) => count > 0);
  if (parts.length === 0) return null;
  const total = parts.reduce((sum, { count }) => sum + count, 0);
  const words = parts.map(({ label, count }) => `${label} ${formatCount(count)}`);
  return `${formatCount(total)} of them have other names in a than in b, and are matched by: ${words.join(', ')}.`;
}

function explanation({ status, problem, shape_a, shape_b }: TensorDifference): string {
  if (problem) return problem;
  if (status === 'shape_differs')
    return `${formatShape(shape_a)} in a, ${formatShape(shape_b)} in b`;
  return formatShape(shape_a ?? shape_b);
}

function leftOutText({ optimizer, state }: Comparison['left_out']): string {
  if (optimizer + state === 0) return 'The files hold nothing besides the weights.';
  const parts = [
    optimizer > 0 && `${formatCount(optimizer)} of the optimizer`,
    state > 0 && `${formatCount(state)} of counters and metrics`,
  ].filter((part) => !!part);
  return `Left out, as they are no weights: ${parts.join(' and ')}.`;
}
