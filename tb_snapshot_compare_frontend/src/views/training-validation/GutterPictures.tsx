/** The images of an opened class beside its pixel chart, where its rows are too low for names. */
import type { JSX } from 'preact';
import type { TrainingImages } from '../../client/types';
import type { Sight } from '../../elements/use-sight';
import { formatCount } from '../../scales/format';
import type { ImagesLine, Line } from './lines';
import * as model from './model';
import { placePictures } from './pictures';
import { Thumbnail } from './Thumbnail';
import { imageName } from './words';

export interface GutterPicturesProps {
  readonly line: Line & ImagesLine;
  readonly images: TrainingImages;
  readonly sight: Sight;
}

/** In the order of the rows; where there are more than fit, the gallery has the others. */
export function GutterPictures(props: GutterPicturesProps): JSX.Element | null {
  const { line, images, sight } = props;
  if ((model.classes.value?.firstImage?.[line.index] ?? -1) < 0) return null;
  const { places, more } = placePictures(images.order.length, line.chartHeight);
  const [from, to] = [
    sight.top - line.top - line.chartTop,
    sight.bottom - line.top - line.chartTop,
  ];
  const seen = places.filter(({ y, size }) => y + size > from && y < to);
  return (
    <div class="validation-pictures" aria-hidden="true" style={{ top: `${line.chartTop}px` }}>
      {seen.map(({ row, x, y, size }) => {
        const place = images.order[row] ?? 0;
        const image = images.image[place] ?? -1;
        return (
          <button
            key={row}
            type="button"
            class="validation-picture"
            tabIndex={-1}
            title={imageName(images.names[place], image)}
            style={{ left: `${x}px`, top: `${y}px` }}
            onClick={() => model.showImage(image, line.index)}
          >
            <Thumbnail image={image} size={size} fallback={<i class="validation-no-picture" />} />
          </button>
        );
      })}
      {more && (
        <span class="muted tabular" style={{ left: `${more.x}px`, top: `${more.y}px` }}>
          +{formatCount(more.count)}
        </span>
      )}
    </div>
  );
}
