/** The probe images as a strip of thumbnails, drawn only where it is in sight. */
import type { JSX } from 'preact';
import { useEffect, useId, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { ProbeImage } from '../../client/types';
import { formatSigned } from '../../scales/format';
import { currentSet, outcomes, shownImages, truthChange } from '../../state/probe-images';
import { pictureAddress } from '../../state/probing';
import { image as chosen, imageOrder } from '../../state/probing-choice';
import { caption, shortClass } from './classes';

/** Of one thumbnail with its gap; the same as in the style sheet. */
const ITEM = 88;
const SPARE = 6;

interface Sight {
  readonly left: number;
  readonly width: number;
}

export function Strip(): JSX.Element {
  const images = shownImages.value;
  if (images.length === 0) {
    return <p class="perf-strip perf-strip-none muted">No image fits the filter.</p>;
  }
  return <Thumbnails images={images} />;
}

function Thumbnails({ images }: { readonly images: readonly ProbeImage[] }): JSX.Element {
  const list = useRef<HTMLDivElement>(null);
  const id = useId();
  const sight = useSight(list);
  const at = images.findIndex((entry) => entry.id === chosen.value);
  const first = Math.max(0, Math.floor(sight.left / ITEM) - SPARE);
  const end = Math.min(images.length, Math.ceil((sight.left + sight.width) / ITEM) + SPARE);

  useEffect(() => {
    if (list.current && at >= 0) reveal(list.current, at);
  }, [at, images]);

  function onKeyDown(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey || images.length === 0) return;
    const page = Math.max(1, Math.floor(sight.width / ITEM) - 1);
    const moves: Record<string, number> = {
      ArrowLeft: at - 1,
      ArrowUp: at - 1,
      ArrowRight: at + 1,
      ArrowDown: at + 1,
      PageUp: at - page,
      PageDown: at + page,
      Home: 0,
      End: images.length - 1,
    };
    const next = moves[event.key];
    if (next === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    chosen.value = images[Math.max(0, Math.min(images.length - 1, next))]?.id ?? null;
  }

  return (
    <div
      ref={list}
      class="perf-strip"
      role="listbox"
      tabIndex={0}
      aria-label="Probe images"
      aria-orientation="horizontal"
      aria-activedescendant={at >= first && at < end ? `${id}-${at}` : undefined}
      onKeyDown={onKeyDown}
    >
      <div class="perf-strip-track" style={{ width: `${images.length * ITEM}px` }}>
        {images.slice(first, end).map((entry, index) => (
          <Thumbnail
            key={entry.id}
            id={`${id}-${first + index}`}
            image={entry}
            place={first + index}
            count={images.length}
            selected={entry.id === chosen.value}
          />
        ))}
      </div>
    </div>
  );
}

interface ThumbnailProps {
  readonly id: string;
  readonly image: ProbeImage;
  readonly place: number;
  readonly count: number;
  readonly selected: boolean;
}

function Thumbnail({ id, image, place, count, selected }: ThumbnailProps): JSX.Element {
  const classes = currentSet.value?.classes ?? [];
  const text = caption(image, classes);
  const short = image.label === null ? text : shortClass(classes, image.label);
  const outcome = outcomes.value.get(image.id) ?? null;
  const change = imageOrder.value === 'listed' ? null : truthChange(outcome);
  return (
    // biome-ignore lint/a11y/useFocusableInteractive: the list has the focus and names this option
    // biome-ignore lint/a11y/useKeyWithClickEvents: the list takes the keys
    <div
      id={id}
      class="perf-thumb"
      role="option"
      aria-selected={selected}
      aria-setsize={count}
      aria-posinset={place + 1}
      title={`${image.name}\n${text}`}
      style={{ left: `${place * ITEM}px` }}
      onClick={() => {
        chosen.value = image.id;
      }}
    >
      <span class="perf-thumb-picture">
        <img
          src={pictureAddress.value(image.id, 'thumb')}
          alt=""
          decoding="async"
          draggable={false}
        />
        {change !== null && (
          <b class="tabular" data-sign={change < 0 ? 'loss' : 'gain'}>
            {formatSigned(change, 2)}
          </b>
        )}
      </span>
      <span class="perf-thumb-text">{short}</span>
    </div>
  );
}

function reveal(list: HTMLElement, place: number): void {
  const left = place * ITEM;
  if (left < list.scrollLeft) list.scrollLeft = left - ITEM / 2;
  const right = left + ITEM;
  if (right > list.scrollLeft + list.clientWidth) {
    list.scrollLeft = right - list.clientWidth + ITEM / 2;
  }
}

/** What is scrolled into sight; a wheel that goes up and down scrolls it too. */
function useSight(list: { readonly current: HTMLElement | null }): Sight {
  const [sight, setSight] = useState<Sight>({ left: 0, width: 1200 });
  useLayoutEffect(() => {
    const element = list.current;
    if (!element) return;
    const look = (): void => {
      const next = { left: element.scrollLeft, width: element.clientWidth };
      setSight((last) => (last.left === next.left && last.width === next.width ? last : next));
    };
    const onWheel = (event: WheelEvent): void => {
      if (event.deltaX !== 0 || event.shiftKey || event.ctrlKey) return;
      const before = element.scrollLeft;
      element.scrollLeft += event.deltaY;
      if (element.scrollLeft !== before) event.preventDefault();
    };
    look();
    element.addEventListener('scroll', look, { passive: true });
    element.addEventListener('wheel', onWheel, { passive: false });
    const observer = new ResizeObserver(look);
    observer.observe(element);
    return () => {
      element.removeEventListener('scroll', look);
      element.removeEventListener('wheel', onWheel);
      observer.disconnect();
    };
  }, [list]);
  return sight;
}
