/** The gutter of a row: what it is, and the button that opens it. */
import type { ComponentChildren, JSX } from 'preact';
import { Icon } from '../../elements/Icon';
import { formatCount, formatFraction } from '../../scales/format';
import type { ClassLine, ClusterLine, ImagesLine } from './lines';
import * as model from './model';
import { Thumbnail } from './Thumbnail';
import { countOf, lastKnown } from './words';

/** As many thumbnails of a cluster as the gutter has room for; the last one's may tell how many more. */
const CLUSTER_THUMBNAILS = 8;
const CLUSTER_THUMBNAIL = 18;
export const CLASS_THUMBNAIL = 24;

interface OpenerProps {
  readonly open: boolean;
  readonly title: string;
  readonly onToggle: () => void;
  readonly children: ComponentChildren;
}

/** Reached with the arrow keys of the grid, not with Tab. */
export function Opener({ open, title, onToggle, children }: OpenerProps): JSX.Element {
  return (
    <button
      type="button"
      class="validation-opener"
      tabIndex={-1}
      data-open={open ? '' : undefined}
      title={title}
      onClick={onToggle}
    >
      <Icon name="chevron" size={14} />
      {children}
    </button>
  );
}

export function ClusterName({ line }: { readonly line: ClusterLine }): JSX.Element {
  const { cluster, classes, open } = line;
  const error = model.clusterGroups.value[cluster]?.error;
  const last = error ? lastKnown(error) : -1;
  const step = model.passes.value[last];
  return (
    <>
      <Opener
        open={open}
        title={`${open ? 'Close' : 'Open'} cluster ${cluster + 1}`}
        onToggle={() => model.toggleCluster(cluster)}
      >
        <strong>Cluster {cluster + 1}</strong>
        <span class="validation-size muted tabular">
          {countOf(classes.length, 'class', 'classes')}
        </span>
        {step !== undefined && (
          <span
            class="validation-latest muted tabular"
            title={`Mean error at step ${formatCount(step)}`}
          >
            {formatFraction(error?.[last] ?? null)}
          </span>
        )}
      </Opener>
      <ClusterPictures classes={classes} />
    </>
  );
}

/** Classes of a cluster, each by one of its images. */
function ClusterPictures(props: { readonly classes: readonly number[] }): JSX.Element | null {
  const first = model.classes.value?.firstImage;
  const pictured = props.classes.filter((index) => (first?.[index] ?? -1) >= 0);
  if (pictured.length === 0) return null;
  const fit = pictured.length > CLUSTER_THUMBNAILS ? CLUSTER_THUMBNAILS - 1 : CLUSTER_THUMBNAILS;
  const more = pictured.length - fit;
  return (
    <div class="validation-thumbnails" aria-hidden="true">
      {pictured.slice(0, fit).map((index) => (
        <ClassPicture key={index} index={index} size={CLUSTER_THUMBNAIL} />
      ))}
      {more > 0 && <span class="muted tabular">+{formatCount(more)}</span>}
    </div>
  );
}

export function ClassName({ line }: { readonly line: ClassLine | ImagesLine }): JSX.Element {
  const { index, kind } = line;
  const name = model.className(index);
  const open = kind === 'images';
  return (
    <>
      <Opener
        open={open}
        title={`${name}\n${open ? 'Show its strip of error' : 'Show its images over time'}`}
        onToggle={() => model.toggleClass(index)}
      >
        <span class="validation-class-name">{name}</span>
      </Opener>
      <ClassPicture index={index} size={CLASS_THUMBNAIL} />
    </>
  );
}

interface ClassPictureProps {
  readonly index: number;
  readonly size: number;
}

/** One of its images; all of them are a click away. */
function ClassPicture({ index, size }: ClassPictureProps): JSX.Element | null {
  const image = model.classes.value?.firstImage?.[index] ?? -1;
  if (image < 0) return null;
  return (
    <button
      type="button"
      class="validation-picture"
      tabIndex={-1}
      title={`Images of ${model.className(index)}`}
      aria-label={`Images of ${model.className(index)}`}
      onClick={() => model.showImage(image, index)}
    >
      <Thumbnail image={image} size={size} />
    </button>
  );
}

/** What the threshold leaves out, and the way to it. */
export function RestName({ count }: { readonly count: number }): JSX.Element {
  const { threshold } = model.markScale.value;
  return (
    // biome-ignore lint/a11y/useSemanticElements: rows lie on a canvas, not in a table
    // biome-ignore lint/a11y/useFocusableInteractive: the grid holds the focus and names the row
    <div role="rowheader" class="validation-rest">
      <span class="muted">
        {countOf(count, 'class', 'classes')} {count === 1 ? 'has' : 'have'} no pass at which{' '}
        {formatCount(threshold)} or more images changed
      </span>
      <button
        type="button"
        class="button button-text"
        onClick={() => {
          model.listAll.value = true;
        }}
      >
        Show all
      </button>
    </div>
  );
}
