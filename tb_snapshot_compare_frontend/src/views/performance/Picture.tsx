/** One image as large as its room allows, with boxes and a map laid over it. */
import type { JSX } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { ProbeImage } from '../../client/types';
import { pictureAddress } from '../../state/probing';
import type { Area } from './maps';

export interface Overlay {
  readonly pixels: Uint8ClampedArray<ArrayBuffer>;
  readonly width: number;
  readonly height: number;
  /** Of the image, in its pixels. */
  readonly area: Area;
  /** 0 to 1. */
  readonly opacity: number;
}

export interface PictureProps {
  readonly image: ProbeImage;
  readonly label: string;
  /** [left, top, right, bottom] in pixels of the image. */
  readonly box?: readonly number[] | null;
  readonly overlay?: Overlay | null;
}

export function Picture({ image, label, box, overlay }: PictureProps): JSX.Element {
  const { width, height } = image;
  const [failed, setFailed] = useState<string | null>(null);
  const [left = 0, top = 0, right = 0, bottom = 0] = box ?? [];
  const address = pictureAddress.value(image.id, 'full');
  return (
    <div class="perf-picture" style={{ aspectRatio: `${width} / ${height}` }}>
      {failed === address ? (
        <p class="perf-picture-failed">The picture could not be loaded.</p>
      ) : (
        <img
          src={address}
          alt={label}
          data-small={Math.max(width, height) < 160 ? '' : undefined}
          draggable={false}
          onError={() => setFailed(address)}
        />
      )}
      {overlay && <MapOver {...overlay} image={image} />}
      {box && (
        <svg viewBox={`0 0 ${width} ${height}`} aria-hidden="true">
          <rect
            class="perf-box-under"
            x={left}
            y={top}
            width={right - left}
            height={bottom - top}
          />
          <rect class="perf-box" x={left} y={top} width={right - left} height={bottom - top} />
        </svg>
      )}
    </div>
  );
}

function MapOver({
  pixels,
  width,
  height,
  area,
  opacity,
  image,
}: Overlay & { readonly image: ProbeImage }): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  useLayoutEffect(() => paint(canvas.current, pixels, width, height), [pixels, width, height]);
  const share = (part: number, whole: number) => `${(part / whole) * 100}%`;
  return (
    <canvas
      ref={canvas}
      style={{
        left: share(area.x, image.width),
        top: share(area.y, image.height),
        width: share(area.width, image.width),
        height: share(area.height, image.height),
        opacity,
      }}
    />
  );
}

export function paint(
  canvas: HTMLCanvasElement | null,
  pixels: Uint8ClampedArray<ArrayBuffer>,
  width: number,
  height: number,
): void {
  if (!canvas || width === 0 || height === 0) return;
  canvas.width = width;
  canvas.height = height;
  canvas.getContext('2d')?.putImageData(new ImageData(pixels, width, height), 0, 0);
}

/** The whole picture, once it is decoded; for cutting pieces out of it. */
export function usePicture(image: string): HTMLImageElement | null {
  const [picture, setPicture] = useState<HTMLImageElement | null>(null);
  const address = pictureAddress.value(image, 'full');
  useEffect(() => {
    let wanted = true;
    const element = new Image();
    element.src = address;
    element.decode().then(
      () => wanted && setPicture(element),
      // The view shows the picture itself too, and there says that it could not be loaded.
      () => wanted && setPicture(null),
    );
    return () => {
      wanted = false;
    };
  }, [address]);
  return picture;
}
