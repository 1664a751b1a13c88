/** The states of the page that are worth looking at: `index.html?scenario=NAME`. */
import type { FakeServerOptions } from './fake-server';
import { comparisonOf, emptyListing, listingOf, listingWith, runOf, snapshotOf } from './fixtures';
import { trainingListing } from './training/listing';

export const SCENARIOS: Readonly<Record<string, FakeServerOptions>> = {
  normal: { probing: {} },
  unlabelled: { probing: { images: 40, labelled: false, second: true } },
  unrunnable: {
    probing: {
      model: {
        state: 'unavailable',
        reason: 'The layer attention of the class my_layers>Attention is not one that Keras ships.',
        remedy:
          'Start TensorBoard with --snapshot_compare_model MODULE:FUNCTION that builds the network.',
      },
    },
  },
  imagenet: { probing: { images: 50_000, classes: 1000 } },
  running: {
    probing: {},
    pending: {
      routes: ['flow', 'attribution'],
      job: { id: 'j2', label: 'Running all images', state: 'running', done: 82, total: 136 },
    },
  },
  empty: { listing: emptyListing() },
  scanning: { listing: emptyListing({ scanning: true }) },
  written: {
    listing: listingWith([
      snapshotOf(1, 'alexnet', { state: 'being_written', reason: 'its size is still growing' }),
    ]),
  },
  one: { listing: listingWith([snapshotOf(1)]), curvesEpochs: 1 },
  two: { listing: listingWith([snapshotOf(1), snapshotOf(2)]), curvesEpochs: 2 },
  thousand: { listing: listingWith(runOf(1000).snapshots), curvesEpochs: 1000 },
  working: {
    job: { id: 'j1', label: 'Comparing 16 tensors', state: 'running', done: 41e6, total: 60e6 },
  },
  partial: {
    compare: (a, b) => comparisonOf(a, b, { unreadable: ['conv2/kernel', 'fc7/kernel'] }),
  },
  problems: {
    listing: listingOf({
      roots: [
        {
          name: '',
          path: '/home/mira/flowers/logs',
          problem: 'the scan ended after 200,000 entries: point --logdir at a smaller directory',
        },
      ],
    }),
  },
  failing: {
    failing: {
      route: 'comparison',
      status: 422,
      message: 'epoch-040.keras: the archive has no model.weights.h5: save the whole model.',
    },
  },
  training: { listing: trainingListing(), training: {} },
  'training-pinned': { listing: trainingListing(), training: {} },
  'training-indexing': {
    listing: trainingListing(200),
    training: {
      dumps: 200,
      changes: {
        origin: 'derived',
        note: 'Computed from 20 snapshots.',
        state: 'indexing',
        done: 11,
        total: 19,
        passes: [],
        probe_images: 0,
        kinds: ['weight', 'update'],
        examined: false,
        findings: [],
        sessions: [],
        rates: [],
        events: [],
      },
    },
  },
  'training-small': {
    listing: trainingListing(7),
    training: { dumps: 7, layers: 4, classes: 3, perClass: 5 },
  },
  'training-empty': { listing: listingOf() },
  'training-failed': {
    listing: trainingListing(),
    training: {},
    failing: { route: 'training', status: 500, message: 'The log cannot be read: no permission.' },
  },
  unlisted: {
    failing: { route: 'snapshots', status: 500, message: 'The scan failed: permission denied.' },
  },
};
