/** What a and b take the chosen image for. */
import type { JSX, RefObject } from 'preact';
import { useState } from 'preact/hooks';
import type { Predictions } from '../../client/types';
import { Button } from '../../elements/Button';
import { FailureState } from '../../elements/EmptyState';
import { formatCount } from '../../scales/format';
import {
  classNames,
  currentImage,
  currentSet,
  references,
  showImage,
} from '../../state/probe-images';
import { pictureAddress, predictions } from '../../state/probing';
import { isStale, latest } from '../../state/resources';
import { snapshotA, snapshotB } from '../../state/snapshots';
import { Butterfly } from './Butterfly';
import { CLASSES_SHOWN, classRows, predicted } from './butterfly';
import { classText } from './classes';
import { Picture } from './Picture';
import { Hint, Note, Skeleton } from './states';

export function PredictionsTab({
  drawing,
}: {
  readonly drawing: RefObject<SVGSVGElement | null>;
}): JSX.Element {
  const resource = predictions.value;
  const value = latest(resource);
  const image = currentImage.value;
  const setClasses = currentSet.value?.classes ?? [];
  const [all, setAll] = useState(false);
  if (!image) return <Hint>Choose an image above.</Hint>;
  if (resource.status === 'failed') {
    return <FailureState title={`${image.name} could not be run`} failure={resource.failure} />;
  }
  if (!value) return <Skeleton label={`Running ${image.name}`} />;
  const rows = classRows(value, all);
  const classes = classNames.value.length > 0 ? classNames.value : value.classes;
  // With a note, labels count the classes of the set, not those of the networks.
  const label = value.note === null ? image.label : null;
  return (
    <div class="perf-predictions" data-stale={isStale(resource) ? '' : undefined}>
      <figure class="perf-subject">
        <Picture key={image.id} image={image} label={image.name} />
        <figcaption>
          <b>{image.name}</b>
          <span class="muted">
            {image.label === null
              ? 'no label'
              : `true: ${classText(value.note === null ? classes : setClasses, image.label)}`}
          </span>
          {value.note !== null && <Note>{value.note}</Note>}
        </figcaption>
      </figure>
      <div class="perf-outcome">
        <div class="perf-verdicts">
          <Verdict side="a" value={value} classes={classes} label={label} />
          <Verdict side="b" value={value} classes={classes} label={label} />
        </div>
        <Butterfly
          rows={rows}
          classes={classes}
          labels={{ a: snapshotA.value?.label ?? '', b: snapshotB.value?.label ?? '' }}
          drawing={drawing}
        />
        {value.a.length > CLASSES_SHOWN && (
          <Button variant="text" onClick={() => setAll(!all)}>
            {all ? 'Show the likeliest classes' : `Show all ${formatCount(value.a.length)} classes`}
          </Button>
        )}
      </div>
    </div>
  );
}

interface VerdictProps {
  readonly side: 'a' | 'b';
  readonly value: Predictions;
  readonly classes: readonly string[];
  readonly label: number | null;
}

/** The predicted class, with a picture of that class to compare with. */
function Verdict({ side, value, classes, label }: VerdictProps): JSX.Element {
  const index = predicted(value[side]);
  const reference =
    index === null ? null : (value.references[index] ?? references.value.get(index) ?? null);
  const right = label === null ? null : index === label;
  return (
    <div class="perf-verdict" data-side={side}>
      {reference !== null && (
        <button
          type="button"
          title={`A picture of ${classText(classes, index)}: show it`}
          onClick={() => showImage(reference)}
        >
          <img
            src={pictureAddress.value(reference, 'thumb')}
            alt={`Reference of ${classText(classes, index)}`}
          />
        </button>
      )}
      <div>
        <span class="perf-verdict-head">
          <b class={`perf-ink-${side}`}>{side}</b> predicts
          {right !== null && (
            <span class="perf-mark" data-right={right ? '' : undefined}>
              {right ? '✓ right' : '✗ wrong'}
            </span>
          )}
        </span>
        <span class="perf-verdict-class" title={classText(classes, index)}>
          {index === null ? 'nothing finite' : classText(classes, index)}
        </span>
        <span class="muted tabular">{index === null ? '' : value[side][index]?.toFixed(3)}</span>
      </div>
    </div>
  );
}
