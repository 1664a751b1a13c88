/** Puts a recording where the page's loader would put the server's answers, and follows what is asked. */
import { computed, effect, untracked } from '@preact/signals';
import type { TrainingImages } from '../../src/client/types';
import type { Resource } from '../../src/state/resources';
import * as state from '../../src/state/training';
import * as data from '../../src/state/training-data';
import { pictureOf, type Recording } from './recording';

/** Ends with the function that it returns. */
export function showRecording(recording: Recording): () => void {
  state.training.value = { status: 'ready', value: recording.training };
  state.pictureOf.value = (_run, _version, image) => pictureOf(image);
  const length = computed(() => state.anomalyRule.value.runLength);
  const stops = [
    effect(() => {
      const value = recording.classes(length.value);
      untracked(() => {
        data.trainingClasses.value = { status: 'ready', value };
      });
    }),
    effect(() => {
      const answers = new Map<number, Resource<TrainingImages>>();
      for (const index of state.wantedClasses.value) {
        answers.set(index, { status: 'ready', value: recording.images(index) });
      }
      data.classImages.value = answers;
    }),
    effect(() => {
      const image = state.openImage.value;
      data.imageHistory.value =
        image === null ? { status: 'idle' } : { status: 'ready', value: recording.history(image) };
    }),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}
