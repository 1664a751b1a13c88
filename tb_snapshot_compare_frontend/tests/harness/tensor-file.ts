/** Writer of the safetensors layout, as the server writes it. */
export interface FilePart {
  readonly name: string;
  readonly dtype: 'F64' | 'F32' | 'I32' | 'F16';
  readonly shape: readonly number[];
  readonly values: Float64Array | Float32Array | Int32Array | Uint16Array;
}

export function tensorFile(
  parts: readonly FilePart[],
  metadata: Readonly<Record<string, string>> = {},
): ArrayBuffer {
  const header: Record<string, unknown> = { __metadata__: metadata };
  let offset = 0;
  for (const { name, dtype, shape, values } of parts) {
    header[name] = { dtype, shape, data_offsets: [offset, offset + values.byteLength] };
    offset += values.byteLength;
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  const length = Math.ceil(text.length / 8) * 8;
  const buffer = new ArrayBuffer(8 + length + offset);
  new DataView(buffer).setBigUint64(0, BigInt(length), true);
  const bytes = new Uint8Array(buffer, 8);
  bytes.fill(0x20, 0, length).set(text);
  let at = length;
  for (const { values } of parts) {
    bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), at);
    at += values.byteLength;
  }
  return buffer;
}

/** The bits of the nearest binary16; values below its normal range become zero. */
export function halfBits(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = value < 0 ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  if (magnitude < 2 ** -14) return sign;
  const exponent = Math.floor(Math.log2(magnitude));
  const fraction = Math.round((magnitude / 2 ** exponent - 1) * 1024);
  return sign + ((exponent + 15) << 10) + fraction;
}
