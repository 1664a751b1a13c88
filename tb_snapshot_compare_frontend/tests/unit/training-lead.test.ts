import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Curve } from '../../src/client/types';
import { stepAt, stepScale } from '../../src/scales/steps';
import { shownRange, steps, training } from '../../src/state/training';
import { trainingCurves } from '../../src/state/training-data';
import { leadSteps } from '../../src/state/training-lead';
import { resetPage } from '../harness/page-state';
import { FakeTraining } from '../harness/training/fake-training';

function curve(x: readonly number[], more: Partial<Curve> = {}): Curve {
  return {
    run: 'r',
    tag: 'loss',
    kind: 'loss',
    axis: 'step',
    x: [...x],
    y: x.map(() => 1),
    ...more,
  };
}

const dumps = [300, 400, 500, 600, 700];

describe('columns before the first dump', () => {
  test('begin with the first loss, as far apart as dumps', () => {
    expect(leadSteps(dumps, [curve([50, 60]), curve([80])], 'step')).toEqual([50, 100, 200]);
    expect(leadSteps(dumps, [curve([100])], 'step')).toEqual([100, 200]);
  });

  test('are none where losses begin less than a column before the dumps, later, or nowhere', () => {
    for (const curves of [[curve([300])], [curve([201])], [curve([650])], [curve([])], []]) {
      expect(leadSteps(dumps, curves, 'step')).toEqual([]);
    }
  });

  test('are not told by rates and times, nor by what counts something else', () => {
    const curves = [curve([1], { kind: 'other' }), curve([1], { axis: 'epoch' })];
    expect(leadSteps(dumps, curves, 'step')).toEqual([]);
    expect(leadSteps([3, 4, 5, 6], [curve([1, 2], { axis: 'epoch' })], 'epoch')).toEqual([1, 2]);
  });

  test('take at most half of the axis: what is further off is left out', () => {
    expect(leadSteps([1000, 1100, 2000], [curve([0])], 'step')).not.toEqual([]);
    expect(leadSteps([1001, 1100, 2000], [curve([0])], 'step')).toEqual([]);
    expect(leadSteps([1000], [curve([0])], 'step')).toEqual([]);
  });

  test('are no more than can be looked at', () => {
    const lead = leadSteps([10_000, 10_001, 20_001], [curve([0])], 'step');
    expect(lead).toHaveLength(200);
    expect(lead).toEqual([...new Set(lead)].sort((one, other) => one - other));
    expect(lead.at(-1)).toBe(9950);
  });
});

describe('the time axis', () => {
  const known = new FakeTraining({ dumps: 60, classes: 4, perClass: 2 }).training();
  const [first = 0, second = 0] = known.dumps;

  beforeEach(() => {
    resetPage();
    training.value = { status: 'ready', value: known };
  });
  afterEach(resetPage);

  test('begins with the scalars of its run, and is pointed at there too', () => {
    expect(steps.value[0]).toBe(first);
    const begin = first - 2.5 * (second - first);
    const curves = [curve([begin, first])];
    trainingCurves.value = { status: 'ready', value: { run: known.run, curves } };
    expect(steps.value.slice(0, 4)).toEqual([
      begin,
      first - 2 * (second - first),
      first - (second - first),
      first,
    ]);
    expect(shownRange.value[0]).toBe(begin);
    const scale = stepScale(steps.value, shownRange.value, 1000);
    expect(scale.x(begin)).toBe(0);
    expect(stepAt(steps.value, scale, 0)).toBe(begin);
  });

  test('does not begin with those of another run', () => {
    trainingCurves.value = { status: 'ready', value: { run: 'other', curves: [curve([-500])] } };
    expect(steps.value[0]).toBe(first);
  });
});
