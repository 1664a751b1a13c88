/**
 * Reader of the safetensors layout: an 8-byte little-endian header length, a JSON header padded
 * with spaces, then raw little-endian arrays (https://github.com/huggingface/safetensors).
 */
const LENGTH_BYTES = 8;

type Metadata = Readonly<Record<string, string>>;

export interface SafeTensors {
  readonly metadata: Metadata;
  readonly arrays: Readonly<Record<string, Float64Array>>;
}

export interface Tensor {
  readonly shape: readonly number[];
  /** F16 as bit patterns. */
  readonly values: Float64Array | Float32Array | Int32Array | Uint16Array;
}

export interface TensorFile {
  readonly metadata: Metadata;
  readonly tensors: Readonly<Record<string, Tensor>>;
}

interface Entry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

interface Kind<T> {
  readonly dtype: string;
  readonly bytes: number;
  readonly of: (buffer: ArrayBuffer) => T;
}

const FLOAT64: Kind<Float64Array> = {
  dtype: 'F64',
  bytes: 8,
  of: (buffer) => new Float64Array(buffer),
};
const INT32: Kind<Int32Array> = { dtype: 'I32', bytes: 4, of: (buffer) => new Int32Array(buffer) };

const FLOAT32: Kind<Float32Array> = {
  dtype: 'F32',
  bytes: 4,
  of: (buffer) => new Float32Array(buffer),
};
const FLOAT16: Kind<Uint16Array> = {
  dtype: 'F16',
  bytes: 2,
  of: (buffer) => new Uint16Array(buffer),
};
const KINDS: readonly Kind<Tensor['values']>[] = [FLOAT64, FLOAT32, INT32, FLOAT16];

/** Reads a file of F64 arrays. An array that the header misplaces is an error, never a cut. */
export function readSafeTensors(buffer: ArrayBuffer): SafeTensors {
  return read(buffer, FLOAT64);
}

/** Reads a file of I32 arrays. */
export function readIntegers(buffer: ArrayBuffer): Readonly<Record<string, Int32Array>> {
  return read(buffer, INT32).arrays;
}

/** Reads a file of F64, F32, I32 and F16 arrays with their shapes. */
export function readTensors(buffer: ArrayBuffer): TensorFile {
  const { metadata, entries, start } = header(buffer);
  const tensors: Record<string, Tensor> = {};
  for (const [name, entry] of Object.entries(entries)) {
    const kind = KINDS.find(({ dtype }) => dtype === entry.dtype);
    if (!kind) throw new Error(`safetensors: ${name} is ${entry.dtype}, not F64, F32, I32 or F16`);
    tensors[name] = { shape: entry.shape, values: readArray(buffer, start, name, entry, kind) };
  }
  return { metadata, tensors };
}

function read<T>(
  buffer: ArrayBuffer,
  kind: Kind<T>,
): { readonly metadata: Metadata; readonly arrays: Record<string, T> } {
  const { metadata, entries, start } = header(buffer);
  const arrays: Record<string, T> = {};
  for (const [name, entry] of Object.entries(entries)) {
    arrays[name] = readArray(buffer, start, name, entry, kind);
  }
  return { metadata, arrays };
}

function header(buffer: ArrayBuffer): {
  readonly metadata: Metadata;
  readonly entries: Readonly<Record<string, Entry>>;
  readonly start: number;
} {
  if (buffer.byteLength < LENGTH_BYTES) throw new Error('safetensors: no header length');
  const headerBytes = Number(new DataView(buffer).getBigUint64(0, true));
  const start = LENGTH_BYTES + headerBytes;
  if (start > buffer.byteLength) {
    throw new Error(`safetensors: header of ${headerBytes} bytes, file of ${buffer.byteLength}`);
  }
  const text = new TextDecoder().decode(new Uint8Array(buffer, LENGTH_BYTES, headerBytes));
  const { __metadata__: metadata = {}, ...entries } = JSON.parse(text) as Record<string, Entry> & {
    __metadata__?: Metadata;
  };
  return { metadata, entries, start };
}

function readArray<T>(
  buffer: ArrayBuffer,
  start: number,
  name: string,
  entry: Entry,
  { dtype, bytes, of }: Kind<T>,
): T {
  if (entry.dtype !== dtype)
    throw new Error(`safetensors: ${name} is ${entry.dtype}, not ${dtype}`);
  const [from, to] = entry.data_offsets;
  const count = entry.shape.reduce((product, size) => product * size, 1);
  if (from < 0 || to - from !== count * bytes || start + to > buffer.byteLength) {
    throw new Error(`safetensors: ${name} does not lie within the file`);
  }
  // Typed arrays need an aligned start; a copy has one, whatever the header's length is.
  return of(buffer.slice(start + from, start + to));
}
