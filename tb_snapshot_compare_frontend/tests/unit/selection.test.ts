import { beforeEach, expect, test } from 'vitest';
import { channel, filters, selectChannel } from '../../src/state/selection';

beforeEach(() => {
  channel.value = null;
  filters.value = [];
});

test('a filter that came with a channel goes on with it', () => {
  channel.value = { side: 'output', index: 7 };
  filters.value = [7];
  selectChannel({ side: 'output', index: 13 });
  expect(filters.value).toEqual([13]);
  selectChannel(null);
  expect(filters.value).toEqual([]);
});

test('filters of their own stay when a channel is chosen', () => {
  filters.value = [2, 5];
  selectChannel({ side: 'output', index: 2 });
  expect(filters.value).toEqual([2, 5]);
  selectChannel({ side: 'input', index: 1 });
  expect(filters.value).toEqual([2, 5]);
});
