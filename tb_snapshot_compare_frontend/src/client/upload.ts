/** A picture file as the body of an upload: within the server's bound, and as base64. */
import { RequestFailure } from './failure';
import type { Upload } from './types';

/** As base64 in JSON this stays below the server's bound on a body of 8 MiB. */
export const UPLOAD_MAX_BYTES = 6_000_000;
const TYPES = ['image/png', 'image/jpeg'];
/** No network looks at more. */
const SIDE_MAX = 2048;
const JPEG_QUALITY = 0.92;

export async function asUpload(run: string, file: File): Promise<Upload> {
  if (!TYPES.includes(file.type)) {
    throw new RequestFailure('not_a_picture', `${file.name} is neither PNG nor JPEG.`, 0);
  }
  const small = file.size <= UPLOAD_MAX_BYTES ? file : await shrunk(file);
  return { run, name: file.name, data: base64(new Uint8Array(await small.arrayBuffer())) };
}

async function shrunk(file: File): Promise<Blob> {
  const bitmap = await decoded(file);
  const scale = Math.min(1, SIDE_MAX / Math.max(bitmap.width, bitmap.height));
  const canvas = new OffscreenCanvas(
    Math.max(1, Math.round(bitmap.width * scale)),
    Math.max(1, Math.round(bitmap.height * scale)),
  );
  const context = canvas.getContext('2d');
  if (!context) throw new RequestFailure('no_canvas', `${file.name} could not be resized.`, 0);
  context.imageSmoothingQuality = 'high';
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  return canvas.convertToBlob({ type: 'image/jpeg', quality: JPEG_QUALITY });
}

async function decoded(file: File): Promise<ImageBitmap> {
  try {
    return await createImageBitmap(file);
  } catch (cause) {
    const text = `${file.name} is not a picture that the browser can read.`;
    throw new RequestFailure('unreadable_picture', text, 0, { cause });
  }
}

/** In parts: a call takes only so many arguments. */
function base64(bytes: Uint8Array): string {
  const parts: string[] = [];
  for (let at = 0; at < bytes.length; at += 8192) {
    parts.push(String.fromCharCode(...bytes.subarray(at, at + 8192)));
  }
  return btoa(parts.join(''));
}
