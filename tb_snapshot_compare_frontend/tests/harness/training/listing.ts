/** The snapshots that were kept of the made-up training. */
import type { Listing, Run } from '../../../src/client/types';
import { listingOf, snapshotOf } from '../fixtures';
import { snapshotDumps } from './fake-training';
import { DUMPS, EVERY, RUN, stepOf } from './plan';
import { timeOf } from './story';

const DUMPS_PER_EPOCH = 6.3;
const SIZE = 102_550_080;

export function trainingRun(dumps = DUMPS, name = RUN): Run {
  const snapshots = snapshotDumps(dumps).map((dump) => {
    const step = stepOf(dump);
    return snapshotOf(1, name, {
      id: `${name}-${dump}`,
      generation: `g${dump}`,
      name: `step-${step}.weights.h5`,
      label: `step ${step.toLocaleString('en-US')}`,
      step,
      epoch: Math.max(1, Math.round(step / (EVERY * DUMPS_PER_EPOCH))),
      modified: timeOf(dump),
      size: SIZE,
    });
  });
  return { name, event_runs: [`${name}/train`, `${name}/validation`], snapshots, has_log: true };
}

/** The training's run, and another without a log. */
export function trainingListing(dumps = DUMPS): Listing {
  const run = trainingRun(dumps);
  const [first, last] = [run.snapshots[0], run.snapshots.at(-1)];
  const suggested = first && last && first !== last ? { a: first.id, b: last.id } : null;
  const others = listingOf().runs.slice(1);
  return listingOf({ runs: [run, ...others], suggested });
}
