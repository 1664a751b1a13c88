/** The whole page over a fake server with a made-up training, opened on the Training page. */

import { pictureOf } from '../../src/state/training';
import { TrainingPage } from '../../src/TrainingPage';
import type { FakeServerOptions } from '../harness/fake-server';
import { type FakeTrainingOptions, fakeThumbnail } from '../harness/training/fake-training';
import { trainingListing } from '../harness/training/listing';
import { openPage, type Page } from './page';

const SMALL: FakeTrainingOptions = { dumps: 200, classes: 12, perClass: 6 };

export function openTraining(
  keys: Readonly<Record<string, string>> = {},
  training: FakeTrainingOptions = SMALL,
  options: FakeServerOptions = {},
): Page {
  pictureOf.value = fakeThumbnail;
  const listing = trainingListing(training.dumps);
  return openPage(
    { listing, training, ...options },
    { page: 'training', ...keys },
    { TrainingPage },
  );
}
