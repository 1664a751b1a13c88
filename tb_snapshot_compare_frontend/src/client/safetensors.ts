/**
 * Reader of the safetensors layout: an 8-byte little-endian header length, a JSON header padded
 * with spaces, then raw little-endian arrays (https://github.com/huggingface/safetensors).
 */
const ELEMENT_BYTES = 8;

export interface SafeTensors {
  readonly metadata: Readonly<Record<string, string>>;
  readonly arrays: Readonly<Record<string, Float64Array>>;
}

interface Entry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

/** Reads a file of F64 arrays. An array that the header misplaces is an error, never a cut. */
export function readSafeTensors(buffer: ArrayBuffer): SafeTensors {
  if (buffer.byteLength < ELEMENT_BYTES) throw new Error('safetensors: no header length');
  const headerBytes = Number(new DataView(buffer).getBigUint64(0, true));
  const start = ELEMENT_BYTES + headerBytes;
  if (start > buffer.byteLength) {
    throw new Error(`safetensors: header of ${headerBytes} bytes, file of ${buffer.byteLength}`);
  }
  const text = new TextDecoder().decode(new Uint8Array(buffer, ELEMENT_BYTES, headerBytes));
  const { __metadata__: metadata = {}, ...entries } = JSON.parse(text) as Record<string, Entry> & {
    __metadata__?: Record<string, string>;
  };
  const arrays: Record<string, Float64Array> = {};
  for (const [name, entry] of Object.entries(entries)) {
    arrays[name] = readArray(buffer, start, name, entry);
  }
  return { metadata, arrays };
}

function readArray(buffer: ArrayBuffer, start: number, name: string, entry: Entry): Float64Array {
  if (entry.dtype !== 'F64') throw new Error(`safetensors: ${name} is ${entry.dtype}, not F64`);
  const [from, to] = entry.data_offsets;
  const count = entry.shape.reduce((product, size) => product * size, 1);
  if (from < 0 || to - from !== count * ELEMENT_BYTES || start + to > buffer.byteLength) {
    throw new Error(`safetensors: ${name} does not lie within the file`);
  }
  // Typed arrays need an aligned start; a copy has one, whatever the header's length is.
  return new Float64Array(buffer.slice(start + from, start + to));
}
