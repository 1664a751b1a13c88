import { expect, test } from 'vitest';
import { textWidth } from '../../src/elements/fit-text';
import { canBe, shortNames } from '../../src/views/training-layers/short-names';

const [SIZE, ROOM] = [12, 90];
const fits = (text: string) => textWidth(text, SIZE) <= ROOM;
const shown = (names: readonly string[]) => [...shortNames(names, SIZE, ROOM).values()];

function product(...parts: readonly (readonly string[])[]): string[] {
  return parts.reduce<string[]>(
    (all, each) => all.flatMap((begin) => each.map((part) => begin + part)),
    [''],
  );
}

const stages = product(['stage1', 'stage2'], ['_block1', '_block2'], ['_conv1', '_bn', '_conv2']);
const keras = product(
  ['conv2', 'conv3', 'conv4'],
  ['_block1', '_block2', '_block3'],
  ['_0', '_1', '_2'],
  ['_conv', '_bn'],
);
const torch = product(
  ['layer1', 'layer2', 'layer3'],
  ['.0', '.1'],
  ['.conv1', '.conv2', '.downsample.0'],
);
const words = product(
  ['encoder_layer_0', 'encoder_layer_1', 'encoder_layer_11'],
  ['/attention/query', '/attention/key', '/intermediate/dense', '/output/dense'],
);

test.each([[stages], [keras], [torch], [words]])('every name is told from the others', (names) => {
  const short = shown(names);
  expect(short.every(fits)).toBe(true);
  expect(new Set(short).size).toBe(names.length);
  for (const [at, text] of short.entries()) {
    expect(names.filter((name) => canBe(text, name))).toEqual([names[at]]);
  }
});

test('names that fit are as they are', () => {
  expect(shown(['conv1', 'conv1_bn'])).toEqual(['conv1', 'conv1_bn']);
});

test('what all share is left out before what tells them apart', () => {
  expect(shown(['stage1_block1_conv1', 'stage1_block2_conv1'])).toEqual([
    '…block1_conv1',
    '…block2_conv1',
  ]);
  expect(shown(['resnet50_entry_conv2', 'resnet50_exit_conv2'])).toEqual([
    '…entry_conv2',
    '…exit_conv2',
  ]);
});

test('where every part tells something the words are cut', () => {
  expect(shown(stages)[0]).toBe('s…1_b…1_conv1');
});

test('names that nothing short tells apart lose their middle', () => {
  const long = product(['a'.repeat(30)], ['x', 'y'], ['b'.repeat(30)]);
  for (const text of shown(long)) expect(text).toMatch(/^a+…b+$/);
});

test('a gap stands for a letter at least', () => {
  expect(canBe('a…c', 'abc')).toBe(true);
  expect(canBe('a…c', 'ac')).toBe(false);
  expect(canBe('…b…', 'abc')).toBe(true);
  expect(canBe('…b…', 'ab')).toBe(false);
  expect(canBe('abc', 'abc')).toBe(true);
});

test('of very many names each is cut in its middle, and none is compared with all', () => {
  const many = product(['encoder_layer_', 'decoder_layer_'], [...Array(200).keys()].map(String), [
    '/attention/query/kernel',
  ]);
  for (const text of shown(many)) expect(text).toMatch(/^[ed].*….*el$/);
});
