/** A whole training on one time axis: findings first, then its charts, one below the other. */
import type { ComponentType, JSX } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { FailureState } from './elements/EmptyState';
import { useSize } from './elements/use-size';
import { GUTTER, MARGIN } from './scales/steps';
import { trainingTools } from './shell/header-tools';
import { Head, Tools } from './shell/training/Head';
import { Overlay } from './shell/training/Overlay';
import { axisWidth, SECTION_EDGE } from './shell/training/scale';
import { Indexing, NothingRecorded, TrainingSkeleton } from './shell/training/states';
import css from './shell/training/training.css?inline';
import { useSections } from './shell/training/use-sections';
import { useWheel } from './shell/training/use-wheel';
import { log, type SectionId, training } from './state/training';
import { adoptStyles } from './theme/styles';
import { CorrelationView } from './views/training-correlation/CorrelationView';
import { FindingsView } from './views/training-findings/FindingsView';
import { ForensicsView } from './views/training-forensics/ForensicsView';
import { LayersView } from './views/training-layers/LayersView';
import { ModelView } from './views/training-model/ModelView';
import { ValidationView } from './views/training-validation/ValidationView';

adoptStyles(css);

const SLOTS: readonly (readonly [SectionId, ComponentType])[] = [
  ['findings', FindingsView],
  ['model', ModelView],
  ['forensics', ForensicsView],
  ['validation', ValidationView],
  ['layers', LayersView],
  ['correlation', CorrelationView],
];

export function TrainingPage(): JSX.Element {
  const known = log.value;
  const resource = training.value;
  if (known === null) {
    if (resource.status !== 'failed') return <TrainingSkeleton />;
    return (
      <div class="shell-instead">
        <FailureState title="The training could not be read" failure={resource.failure} />
      </div>
    );
  }
  if (known.dumps.length === 0 && known.passes.length === 0) {
    if (known.state === 'indexing') return <Indexing training={known} />;
    return <NothingRecorded training={known} />;
  }
  return <Charts />;
}

function Charts(): JSX.Element {
  const scroller = useRef<HTMLElement>(null);
  const stack = useRef<HTMLDivElement>(null);
  const width = useSize(stack)?.width ?? 0;
  useLayoutEffect(() => {
    axisWidth.value = Math.max(0, width - GUTTER - MARGIN - 2 * SECTION_EDGE);
  }, [width]);
  useLayoutEffect(() => {
    trainingTools.value = Tools;
    return () => {
      trainingTools.value = null;
    };
  }, []);
  useWheel(scroller);
  useSections(scroller);
  return (
    <main ref={scroller} class="training" tabIndex={-1}>
      <Head />
      <div ref={stack} class="training-stack">
        {SLOTS.map(([id, View]) => (
          <div key={id} data-slot={id}>
            <View />
          </div>
        ))}
        <Overlay />
      </div>
    </main>
  );
}
