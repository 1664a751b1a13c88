/** A class whose strip is flipped: the head of its pixel chart, and the names of its rows. */
import type { JSX } from 'preact';
import type { TrainingImages } from '../../client/types';
import { FailureState } from '../../elements/EmptyState';
import type { Sight } from '../../elements/use-sight';
import { openImage } from '../../state/training';
import { classImages } from '../../state/training-data';
import { CellKey } from './ColorKeys';
import { GutterPictures } from './GutterPictures';
import { type ImagesLine, type Line, NAMES_FROM, ZOOM_MAX, ZOOM_MIN, ZOOM_STEP } from './lines';
import * as model from './model';
import { ClassName } from './Names';
import { Thumbnail } from './Thumbnail';
import { imageName, shownWords } from './words';

/** Rows at least this high have pictures. */
const PICTURES_FROM = 16;
const PICTURE_MAX = 64;

type OpenLine = Line & ImagesLine;

export function ImagesHead({ line }: { readonly line: OpenLine }): JSX.Element {
  const images = model.imagesOf(line.index);
  return (
    <div class="validation-head" role="presentation">
      {/* biome-ignore lint/a11y/useSemanticElements: rows lie on a canvas, not in a table */}
      {/* biome-ignore lint/a11y/useFocusableInteractive: the grid holds the focus and names the row */}
      <div role="rowheader" class="validation-gutter" data-level={line.level}>
        <ClassName line={line} />
      </div>
      {/* biome-ignore lint/a11y/useSemanticElements: as above */}
      {/* biome-ignore lint/a11y/useFocusableInteractive: as above */}
      <div role="gridcell" class="validation-tools">
        {images && (
          <>
            <span class="muted tabular">{shownWords(images)}</span>
            <CellKey />
            <Zoom line={line} />
            <button
              type="button"
              class="button button-text"
              disabled={images.order.length === 0}
              onClick={() => openGallery(line.index, images)}
            >
              Gallery
            </button>
          </>
        )}
      </div>
    </div>
  );
}

function openGallery(index: number, images: TrainingImages): void {
  const first = images.image[images.order[0] ?? 0];
  if (first !== undefined) model.showImage(first, index);
}

function Zoom({ line }: { readonly line: OpenLine }): JSX.Element {
  const zoom = model.zoomOf(line.index, line.images);
  return (
    <label class="validation-zoom tabular" title="Height of the images’ rows; + and − do the same">
      <span class="muted">Rows</span>
      <input
        type="range"
        min={ZOOM_MIN}
        max={ZOOM_MAX}
        step={ZOOM_STEP}
        value={zoom}
        aria-label={`Height of the rows of ${model.className(line.index)}`}
        aria-valuetext={`${zoom} times`}
        onInput={(event) => model.setZoom(line.index, event.currentTarget.valueAsNumber)}
      />
      <output>{zoom}×</output>
    </label>
  );
}

/** While a class's images come, or where they failed to. */
export function ImagesState({ line }: { readonly line: OpenLine }): JSX.Element | null {
  if (line.images > 0) return null;
  const resource = classImages.value.get(line.index);
  if (resource?.status === 'ready') {
    return <p class="validation-pending muted">No probe image has this label.</p>;
  }
  if (resource?.status === 'failed') {
    return (
      <div class="validation-failed">
        <FailureState title="The images could not be read" failure={resource.failure} />
      </div>
    );
  }
  return (
    <div
      class="validation-skeleton"
      role="status"
      aria-label={`Reading the images of ${model.className(line.index)}`}
    />
  );
}

export interface RowNamesProps {
  readonly line: OpenLine;
  readonly sight: Sight;
  /** The row that the keyboard holds: it exists even where rows are too low for names. */
  readonly held: number | null;
  /** Identifies a row within the page. */
  readonly idOf: (row: number) => string;
}

export function RowNames({ line, sight, held, idOf }: RowNamesProps): JSX.Element | null {
  const images = model.imagesOf(line.index);
  if (!images) return null;
  const named = line.cell >= NAMES_FROM;
  const top = line.top + line.chartTop;
  const first = Math.max(0, Math.floor((sight.top - top) / line.cell));
  const end = Math.min(line.images, Math.ceil((sight.bottom - top) / line.cell));
  const rows = named ? Array.from({ length: Math.max(0, end - first) }, (_, at) => first + at) : [];
  const all = held === null || rows.includes(held) ? rows : [...rows, held];
  return (
    <>
      {all.map((row) => (
        <RowName key={row} line={line} images={images} row={row} id={idOf(row)} named={named} />
      ))}
      {!named && <GutterPictures line={line} images={images} sight={sight} />}
    </>
  );
}

interface RowNameProps {
  readonly line: OpenLine;
  readonly images: TrainingImages;
  readonly row: number;
  readonly id: string;
  readonly named: boolean;
}

function RowName({ line, images, row, id, named }: RowNameProps): JSX.Element {
  const place = images.order[row] ?? 0;
  const image = images.image[place] ?? -1;
  const name = imageName(images.names[place], image);
  const size = Math.min(PICTURE_MAX, line.cell - 2);
  return (
    // biome-ignore lint/a11y/useSemanticElements: rows lie on a canvas, not in a table
    // biome-ignore lint/a11y/useFocusableInteractive: the grid holds the focus and names the row
    <div
      id={id}
      role="row"
      aria-level={line.level + 1}
      aria-posinset={row + 1}
      aria-setsize={line.images}
      class={named ? 'validation-image-name' : 'visually-hidden'}
      data-current={openImage.value === image ? '' : undefined}
      style={{ top: `${line.chartTop + row * line.cell}px`, height: `${line.cell}px` }}
    >
      {/* biome-ignore lint/a11y/useSemanticElements: as above */}
      {/* biome-ignore lint/a11y/useFocusableInteractive: as above */}
      <span role="rowheader" class="validation-image-label" title={name}>
        {name}
      </span>
      {named && line.cell >= PICTURES_FROM && (
        // biome-ignore lint/a11y/useSemanticElements: as above
        // biome-ignore lint/a11y/useFocusableInteractive: as above
        <span role="gridcell" class="validation-image-picture">
          <button
            type="button"
            class="validation-picture"
            tabIndex={-1}
            aria-label={`Open ${name}`}
            onClick={() => model.showImage(image, line.index)}
          >
            <Thumbnail image={image} size={size} />
          </button>
        </span>
      )}
    </div>
  );
}
