/** The picture of a probe image, where there is one. */
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { thumbnailOf } from '../../state/training';

export interface ThumbnailProps {
  readonly image: number;
  readonly size: number;
  /** What stands in its place where there is none; nothing by default. */
  readonly fallback?: JSX.Element;
}

/** Decorative: what it shows is named beside it. */
export function Thumbnail({ image, size, fallback }: ThumbnailProps): JSX.Element | null {
  const address = thumbnailOf(image);
  const [failed, setFailed] = useState<string | null>(null);
  if (address === null || failed === address) return fallback ?? null;
  return (
    <img
      class="validation-thumbnail"
      src={address}
      alt=""
      width={size}
      height={size}
      loading="lazy"
      decoding="async"
      draggable={false}
      onError={() => setFailed(address)}
    />
  );
}
