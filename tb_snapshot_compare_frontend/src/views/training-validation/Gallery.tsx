/** The images of a class side by side; the arrow keys move between them. */
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { TrainingImages } from '../../client/types';
import { outcomePass, revealCurrent } from './looked';
import * as model from './model';
import { predictionAt } from './outcomes';
import { cellColors } from './palette';
import { Thumbnail } from './Thumbnail';
import { imageName } from './words';

const SIZE = 48;

export interface GalleryProps {
  readonly index: number;
  readonly images: TrainingImages;
  /** The probe image that is looked at. */
  readonly current: number;
}

export function Gallery({ index, images, current }: GalleryProps): JSX.Element {
  const list = useRef<HTMLDivElement>(null);
  const pass = outcomePass();
  // Of too many images the one that is looked at may be left out: one is reached with Tab still.
  const here = images.image.includes(current);
  const reached = here ? current : images.image[images.order[0] ?? 0];
  useEffect(() => {
    if (list.current) revealCurrent(list.current);
  }, [current]);

  const onKeyDown = (event: KeyboardEvent): void => {
    const buttons = [...(list.current?.querySelectorAll('button') ?? [])];
    const at = buttons.indexOf(event.target as HTMLButtonElement);
    const across = acrossOf(buttons);
    const to = {
      ArrowLeft: at - 1,
      ArrowRight: at + 1,
      ArrowUp: at - across,
      ArrowDown: at + across,
      Home: 0,
      End: buttons.length - 1,
    }[event.key];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    buttons[Math.min(buttons.length - 1, Math.max(0, to))]?.focus();
  };
  return (
    <div
      ref={list}
      class="validation-gallery"
      role="toolbar"
      aria-label={`Images of ${model.className(index)}`}
      onKeyDown={onKeyDown}
    >
      {[...images.order].map((place) => (
        <Tile
          key={place}
          index={index}
          images={images}
          place={place}
          current={images.image[place] === current}
          reached={images.image[place] === reached}
          pass={pass}
        />
      ))}
    </div>
  );
}

interface TileProps {
  readonly index: number;
  readonly images: TrainingImages;
  readonly place: number;
  readonly current: boolean;
  /** With the Tab key; the others with arrows. */
  readonly reached: boolean;
  readonly pass: number;
}

function Tile({ index, images, place, current, reached, pass }: TileProps): JSX.Element {
  const image = images.image[place] ?? -1;
  const name = imageName(images.names[place], image);
  const { predicted } = predictionAt(images, place, pass);
  const { correct, wrong, unknown } = cellColors(model.theme.value);
  const color = predicted < 0 ? unknown : predicted === index ? correct : wrong;
  const outcome = predicted < 0 ? 'not known' : predicted === index ? 'correct' : 'wrong';
  return (
    <button
      type="button"
      tabIndex={reached ? 0 : -1}
      aria-current={current}
      aria-label={`${name}: ${outcome}`}
      title={predicted < 0 ? name : `${name}\npredicted ${model.className(predicted)}`}
      onClick={() => model.showImage(image, index)}
    >
      <Thumbnail
        image={image}
        size={SIZE}
        fallback={<span class="validation-tile-name">{name}</span>}
      />
      <i style={{ background: color }} />
    </button>
  );
}

function acrossOf(buttons: readonly HTMLElement[]): number {
  const top = buttons[0]?.offsetTop;
  const next = buttons.findIndex(({ offsetTop }) => offsetTop !== top);
  return next < 0 ? buttons.length : next;
}
