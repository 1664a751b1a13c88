/** The filters that are among the most changed at every pinned step, the most changed first. */
import type { JSX } from 'preact';
import { useMemo } from 'preact/hooks';
import { stepWords } from '../../elements/axis-words';
import { Button } from '../../elements/Button';
import { EmptyState, FailureState } from '../../elements/EmptyState';
import { formatNumber } from '../../scales/format';
import { latest } from '../../state/resources';
import { hoveredUnit, onlyTop, pins } from '../../state/training';
import { topFilters } from '../../state/training-data';
import { chooseFilter, chosenOf, compareChosen } from './choosing';
import { type Ranked, ranked } from './top';
import { countOf } from './words';

export function TopList(): JSX.Element | null {
  const resource = topFilters.value;
  const top = latest(resource);
  const list = useMemo(() => ranked(top), [top]);
  if (!onlyTop.value || pins.value.length === 0) return null;
  if (resource.status === 'failed' && top === null) {
    return <FailureState title="The top filters could not be found" failure={resource.failure} />;
  }
  if (top === null) return <p class="layers-hint">Looking for the top filters…</p>;
  if (list.length === 0) return <NoneInCommon count={top.count} steps={top.steps.length} />;
  return (
    <section class="layers-top" aria-label="Top filters of the pinned steps">
      <p class="layers-hint">
        {countOf(list.length, 'filter')} among the {top.count} most changed at{' '}
        {top.steps.length === 1
          ? 'the pinned step'
          : `every one of ${top.steps.length} pinned steps`}
        {top.left_out.length > 0 && `; ${top.left_out.join(' and ')} left out`}
      </p>
      <div class="layers-top-scroll">
        <table class="tabular">
          <thead>
            <tr>
              <th scope="col">#</th>
              <th scope="col">Filter</th>
              {top.steps.map((step) => (
                <th key={step} scope="colgroup" colSpan={2}>
                  {stepWords(step)}
                </th>
              ))}
              <th />
            </tr>
            <tr>
              <th />
              <th />
              {top.steps.flatMap((step) => [
                <th key={`${step} c`} scope="col">
                  cosine
                </th>,
                <th key={`${step} n`} scope="col">
                  ‖Δw‖ ∕ ‖w‖
                </th>,
              ])}
              <th />
            </tr>
          </thead>
          <tbody>
            {list.map((each) => (
              <TopRow key={`${each.filter.layer} ${each.filter.filter}`} entry={each} />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function NoneInCommon(props: { readonly count: number; readonly steps: number }): JSX.Element {
  const { count, steps } = props;
  return (
    <EmptyState
      icon="info"
      title={
        steps === 1 ? 'No filter changed there' : 'No filter changed most at every pinned step'
      }
      actions={
        <Button
          onClick={() => {
            onlyTop.value = false;
          }}
        >
          Show all layers
        </Button>
      }
    >
      {steps === 1 ? (
        <p>The weights of all filters are as they were at the dump before, but for their scale.</p>
      ) : (
        <p>
          The {count} most changed filters of {steps} steps have none in common, or none changed at
          one of them. Remove a pin to compare fewer steps.
        </p>
      )}
    </EmptyState>
  );
}

function TopRow({ entry }: { readonly entry: Ranked }): JSX.Element {
  const { layer, filter, cosine, relative_l2 } = entry.filter;
  const chosen = chosenOf(layer).includes(filter);
  return (
    <tr
      data-chosen={chosen ? '' : undefined}
      onPointerEnter={() => {
        hoveredUnit.value = layer;
      }}
      onPointerLeave={() => {
        hoveredUnit.value = null;
      }}
    >
      <td>{entry.rank}</td>
      <th scope="row">
        <button type="button" aria-pressed={chosen} onClick={() => chooseFilter(layer, filter)}>
          {layer} · {filter}
        </button>
      </th>
      {cosine.flatMap((value, index) => [
        <td key={`${index} c`}>{formatNumber(value, 4, { padded: true })}</td>,
        <td key={`${index} n`}>{formatNumber(relative_l2[index] ?? null, 3, { padded: true })}</td>,
      ])}
      <td>
        <Button
          variant="text"
          onClick={() => {
            chooseFilter(layer, filter);
            compareChosen();
          }}
        >
          Compare
        </Button>
      </td>
    </tr>
  );
}
