import { expect, test } from 'vitest';
import { readSafeTensors } from '../../src/client/safetensors';

/** The header may have any length: arrays are found by their offsets. */
function fileOf(header: object | string, values: readonly number[]): ArrayBuffer {
  const text = typeof header === 'string' ? header : JSON.stringify(header);
  const bytes = new TextEncoder().encode(text);
  const buffer = new ArrayBuffer(8 + bytes.length + values.length * 8);
  const view = new DataView(buffer);
  view.setBigUint64(0, BigInt(bytes.length), true);
  new Uint8Array(buffer, 8, bytes.length).set(bytes);
  values.forEach((value, index) => {
    view.setFloat64(8 + bytes.length + index * 8, value, true);
  });
  return buffer;
}

test('arrays and metadata are read, with NaN as it is', () => {
  const file = fileOf(
    {
      __metadata__: { layer: 'conv1' },
      l2: { dtype: 'F64', shape: [2], data_offsets: [0, 16] },
      l1: { dtype: 'F64', shape: [1], data_offsets: [16, 24] },
    },
    [1.5, Number.NaN, -2],
  );
  const { metadata, arrays } = readSafeTensors(file);
  expect(metadata).toEqual({ layer: 'conv1' });
  expect([...(arrays.l2 ?? [])]).toEqual([1.5, Number.NaN]);
  expect([...(arrays.l1 ?? [])]).toEqual([-2]);
});

test.each([
  ['an empty file', new ArrayBuffer(3), 'no header length'],
  ['a header beyond the file', fileOf('{}', []).slice(0, 9), 'header of 2 bytes'],
  [
    'an array beyond the file',
    fileOf({ x: { dtype: 'F64', shape: [4], data_offsets: [0, 32] } }, [1]),
    'x does not lie within the file',
  ],
  [
    'an array of another length than its shape',
    fileOf({ x: { dtype: 'F64', shape: [2], data_offsets: [0, 8] } }, [1]),
    'x does not lie within the file',
  ],
  [
    'another type',
    fileOf({ x: { dtype: 'F32', shape: [2], data_offsets: [0, 8] } }, [1]),
    'x is F32, not F64',
  ],
])('%s is an error', (_, file, message) => {
  expect(() => readSafeTensors(file)).toThrow(message);
});
