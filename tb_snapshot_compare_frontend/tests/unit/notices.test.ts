import { beforeEach, expect, test } from 'vitest';
import {
  dismiss,
  dismissed,
  forgetEnded,
  isDismissed,
  type Notice,
  raise,
  raised,
} from '../../src/state/notices';

const lost: Notice = { id: 'lost', tone: 'error', text: 'TensorBoard does not answer.' };
const broken: Notice = { id: 'broken', tone: 'warning', text: '2 of 9 cannot be read.' };

beforeEach(() => {
  raised.value = [];
  dismissed.value = new Set();
});

test('a dismissed notice stays away while its condition lasts', () => {
  dismiss(lost);
  forgetEnded([lost, broken]);
  expect(isDismissed(lost)).toBe(true);
});

test('a condition that ended and came back is told again', () => {
  dismiss(lost);
  dismiss(broken);
  forgetEnded([broken]);
  expect([isDismissed(lost), isDismissed(broken)]).toEqual([false, true]);
});

test('what happens again is told again, though it was dismissed before', () => {
  raise(lost);
  dismiss(lost);
  raise(lost);
  expect(raised.value.filter((notice) => !isDismissed(notice))).toEqual([lost]);
});
