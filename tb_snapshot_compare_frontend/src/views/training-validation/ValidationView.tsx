/** When which classes and images were predicted correctly: model, clusters, classes, images. */
import type { ComponentChildren, JSX } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import type { TrainingClasses } from '../../client/types';
import { FailureState } from '../../elements/EmptyState';
import type { SectionProps } from '../../elements/panel-types';
import { Section } from '../../elements/Section';
import { Splitter } from '../../elements/Splitter';
import { useSize } from '../../elements/use-size';
import { toCsv } from '../../render/csv';
import { formatCount, formatFraction } from '../../scales/format';
import type { Resource } from '../../state/resources';
import { anomalyRule, log, openImage, showTriangles, validationOpen } from '../../state/training';
import { trainingClasses } from '../../state/training-data';
import { adoptStyles } from '../../theme/styles';
import { AccuracyKey } from './ColorKeys';
import { Controls } from './Controls';
import { classRows } from './classes-csv';
import { validationSvg } from './files';
import { Grid } from './Grid';
import { ImageDialog } from './ImageDialog';
import { MarkKey } from './Marks';
import * as model from './model';
import { NoLabels, NoPasses, Skeleton } from './states';
import css from './validation.css?inline';
import { countOf, hindsightWords, lastKnown } from './words';

adoptStyles(css);

const HEIGHT = 440;
const PAIRED_HEIGHT = 660;
const HEIGHT_MIN = 120;
const HEIGHT_MAX = 2400;

export function ValidationView(): JSX.Element {
  const known = model.classes.value;
  const resource = trainingClasses.value;
  const some = known !== null && known.modelError.length > 0;
  return (
    <Section
      id="validation"
      title="Validation"
      subtitle={subtitle()}
      legend={some ? <Legend /> : undefined}
      controls={some && known.cluster.length > 0 ? <Controls /> : undefined}
      {...(some && {
        exports: {
          name: `validation-${log.value?.run ?? ''}`,
          svg: validationSvg,
          csv: () => toCsv(classRows()),
        },
      })}
      busy={some ? busyOf(resource) : null}
    >
      <Measured>
        <Content />
      </Measured>
      {some && openImage.value !== null && <ImageDialog image={openImage.value} />}
    </Section>
  );
}

function busyOf(resource: Resource<TrainingClasses>): NonNullable<SectionProps['busy']> | null {
  if (resource.status !== 'loading') return null;
  const { job } = resource;
  return {
    label: job?.label ?? 'Counting anomalies',
    fraction: job !== null && job.total > 0 ? job.done / job.total : null,
  };
}

/** Charts are as wide as the content. */
function Measured({ children }: { readonly children: ComponentChildren }): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const width = useSize(box)?.width ?? 0;
  useLayoutEffect(() => {
    model.width.value = width;
  }, [width]);
  return (
    <div ref={box} class="validation" data-paired={model.isPaired.value ? '' : undefined}>
      {children}
    </div>
  );
}

function Content(): JSX.Element {
  const known = model.classes.value;
  const resource = trainingClasses.value;
  const recorded = log.value;
  if (recorded && recorded.passes.length === 0) return <NoPasses />;
  if (recorded && !recorded.labelled) return <NoLabels />;
  if (!known) {
    if (resource.status !== 'failed') return <Skeleton />;
    return <FailureState title="The validation could not be read" failure={resource.failure} />;
  }
  if (known.modelError.length === 0) return <NoPasses />;
  return (
    <>
      <Grid
        label="Validation error of all classes over time"
        layout={model.wholeLayout.value}
        height={null}
      />
      {validationOpen.value && <Rows />}
    </>
  );
}

function Rows(): JSX.Element {
  const layout = model.layout.value;
  const wanted = model.height.value ?? (model.isPaired.value ? PAIRED_HEIGHT : HEIGHT);
  return (
    <>
      {layout.lines.length === 0 ? (
        <p class="validation-none muted">
          {model.query.value.trim() === ''
            ? 'The log names no classes.'
            : `No class matches “${model.query.value.trim()}”.`}
        </p>
      ) : (
        <Grid label="Classes over time" layout={layout} height={wanted} />
      )}
      {layout.height > HEIGHT_MIN && (
        <Splitter
          label="Height of the rows of classes"
          orientation="horizontal"
          value={Math.min(wanted, layout.height)}
          min={HEIGHT_MIN}
          max={Math.min(HEIGHT_MAX, layout.height)}
          onChange={(height) => {
            model.height.value = height;
          }}
          onReset={() => {
            model.height.value = null;
          }}
        />
      )}
    </>
  );
}

function Legend(): JSX.Element {
  return (
    <div class="validation-legend">
      {showTriangles.value && (
        <>
          <span class="validation-mark-key">
            <MarkKey side="left" /> broke a lasting state
          </span>
          <span class="validation-mark-key" title={hindsightWords(anomalyRule.value.runLength)}>
            <MarkKey side="right" /> began one, known afterwards
          </span>
        </>
      )}
      <AccuracyKey />
    </div>
  );
}

function subtitle(): string {
  const [known, recorded] = [model.classes.value, log.value];
  const pass = known ? lastKnown(known.modelError) : -1;
  const step = model.passes.value[pass];
  if (!known || !recorded || step === undefined) return '';
  return [
    `Error ${formatFraction(known.modelError[pass] ?? null)} at step ${formatCount(step)}`,
    countOf(model.passes.value.length, 'pass', 'passes'),
    countOf(known.cluster.length, 'class', 'classes'),
    countOf(recorded.probe_images, 'image'),
  ].join(' · ');
}
