/** Which images are in the strip, and in which order. */
import type { JSX } from 'preact';
import { Button } from '../../elements/Button';
import { Select } from '../../elements/Select';
import { formatCount } from '../../scales/format';
import {
  classNames,
  currentSet,
  labelsNote,
  needsFlow,
  sets,
  shownImages,
} from '../../state/probe-images';
import { flow } from '../../state/probing';
import {
  type ImageOrder,
  imageFilter,
  imageOrder,
  isFiltered,
  NO_FILTER,
  OUTCOMES,
  type Outcome,
  selectSet,
} from '../../state/probing-choice';
import { classText, images, OUTCOME_HELP, OUTCOME_WORDS, shortClass } from './classes';

const ANY = '';
const ORDERS: readonly { value: ImageOrder; label: string; title: string }[] = [
  { value: 'listed', label: 'as listed', title: 'The order of the set' },
  { value: 'gain', label: 'gain in b', title: 'Largest gain of the true class’s probability' },
  { value: 'loss', label: 'loss in b', title: 'Largest loss of the true class’s probability' },
];

export function FilterRow(): JSX.Element | null {
  const set = currentSet.value;
  if (!set) return null;
  const labelled = set.images.some(({ label }) => label !== null);
  const judged = labelled && labelsNote.value === null;
  return (
    <div class="perf-filter">
      {sets.value.length > 1 && (
        <Select
          label="Set"
          value={set.id}
          options={sets.value.map(({ id, name, images: of }) => ({
            value: id,
            label: `${name} (${formatCount(of.length)})`,
          }))}
          onChange={selectSet}
        />
      )}
      {labelled && <ClassSelect classes={set.classes} />}
      <OutcomeSelect labelled={judged} />
      {judged && (
        <Select
          label="Order"
          value={imageOrder.value}
          options={ORDERS}
          onChange={(order) => {
            imageOrder.value = order;
          }}
        />
      )}
      <Count />
    </div>
  );
}

function ClassSelect({ classes }: { readonly classes: readonly string[] }): JSX.Element {
  const used = new Set(currentSet.value?.images.map(({ label }) => label));
  const indices = [...used].filter((label) => label !== null).sort((x, y) => x - y);
  const { label } = imageFilter.value;
  return (
    <Select
      label="Class"
      value={label === null ? ANY : String(label)}
      options={[
        { value: ANY, label: 'all' },
        ...indices.map((index) => ({
          value: String(index),
          label: classes[index] ? `${index} · ${classes[index]}` : String(index),
        })),
      ]}
      onChange={(value) => {
        imageFilter.value = { ...imageFilter.value, label: value === ANY ? null : Number(value) };
      }}
    />
  );
}

function OutcomeSelect({ labelled }: { readonly labelled: boolean }): JSX.Element {
  const offered = labelled ? OUTCOMES : (['changed'] as const);
  return (
    <Select
      label="Outcome"
      value={imageFilter.value.outcome ?? ANY}
      options={[
        { value: ANY, label: 'all' },
        ...offered.map((value) => ({
          value,
          label: OUTCOME_WORDS[value],
          title: OUTCOME_HELP[value],
        })),
      ]}
      title="From a to b; asks both networks about all images of the set"
      onChange={(value) => {
        const outcome = value === ANY ? null : (value as Outcome);
        imageFilter.value = { ...imageFilter.value, outcome };
      }}
    />
  );
}

/** How many are left, and of what the selects do not show. */
function Count(): JSX.Element {
  const set = currentSet.value;
  const filter = imageFilter.value;
  const { predictedA, predictedB } = filter;
  const classes = classNames.value;
  const all = set?.images.length ?? 0;
  const pending = needsFlow.value && flow.value.status === 'loading';
  return (
    <span class="perf-count tabular">
      {predictedA !== null && (
        <span class="perf-taken" title={classText(classes, predictedA)}>
          a: {shortClass(classes, predictedA)}
        </span>
      )}
      {predictedB !== null && (
        <span class="perf-taken" title={classText(classes, predictedB)}>
          b: {shortClass(classes, predictedB)}
        </span>
      )}
      {pending ? (
        <span class="muted">running all images…</span>
      ) : isFiltered(filter) ? (
        <>
          {formatCount(shownImages.value.length)} of {images(all, formatCount)}
        </>
      ) : (
        <span class="muted">{images(all, formatCount)}</span>
      )}
      {isFiltered(filter) && (
        <Button
          variant="text"
          onClick={() => {
            imageFilter.value = NO_FILTER;
          }}
        >
          Clear
        </Button>
      )}
    </span>
  );
}
