/** One probe image: what it shows, what was predicted for it in every pass, and its class. */
import type { JSX } from 'preact';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import type { ImageHistory } from '../../client/types';
import { Button } from '../../elements/Button';
import { FailureState } from '../../elements/EmptyState';
import { Icon } from '../../elements/Icon';
import { formatCount, formatFraction, MISSING } from '../../scales/format';
import { latest } from '../../state/resources';
import { openImageClass } from '../../state/training';
import { classImages, imageHistory } from '../../state/training-data';
import { adoptStyles } from '../../theme/styles';
import { Changes } from './Changes';
import { Gallery } from './Gallery';
import { HistoryChart, HistoryKey } from './HistoryChart';
import { type History, historyOf } from './history';
import css from './image-dialog.css?inline';
import { outcomePass } from './looked';
import * as model from './model';
import { cellColors } from './palette';
import { Thumbnail } from './Thumbnail';
import { countOf, imageTitle } from './words';

adoptStyles(css);

const PICTURE = 152;

export function ImageDialog({ image }: { readonly image: number }): JSX.Element {
  const element = useRef<HTMLDialogElement>(null);
  const resource = imageHistory.value;
  const newest = latest(resource);
  const known = newest?.image === image ? newest : null;
  const label = known?.label ?? null;
  const index = openImageClass.value ?? label;
  useEffect(() => element.current?.showModal(), []);
  useEffect(() => {
    if (label !== null) openImageClass.value = label;
  }, [label]);

  const close = (): void => {
    // What had the focus before takes it only once the dialog is gone.
    element.current?.close();
    model.closeImage();
  };
  return (
    <dialog
      ref={element}
      class="validation-dialog"
      aria-labelledby="validation-dialog-title"
      onKeyDown={(event) => {
        // The page behind has shortcuts of its own.
        event.stopPropagation();
        if (event.key !== 'Escape') return;
        event.preventDefault();
        close();
      }}
      onCancel={(event) => {
        event.preventDefault();
        close();
      }}
      onClick={(event) => {
        if (event.target === element.current) close();
      }}
    >
      <header class="validation-dialog-header">
        <h2 id="validation-dialog-title">{titleOf(image, index, known)}</h2>
        <span class="muted">{index === null ? '' : model.className(index)}</span>
        <Neighbours image={image} index={index} />
        <Button variant="icon" label="Close" onClick={close}>
          <Icon name="close" />
        </Button>
      </header>
      <div class="validation-dialog-content">
        {resource.status === 'failed' && !known ? (
          <FailureState title="The image could not be read" failure={resource.failure} />
        ) : known ? (
          <Told image={known} />
        ) : (
          <div class="validation-dialog-wait" role="status" aria-label="Reading the predictions" />
        )}
        {index !== null && <ClassGallery index={index} image={image} />}
      </div>
    </dialog>
  );
}

/** Where the class's images are there before its history, they name it too. */
function titleOf(image: number, index: number | null, known: ImageHistory | null): string {
  const images = index === null ? null : model.imagesOf(index);
  const place = images ? images.image.indexOf(image) : -1;
  return imageTitle(known?.name ?? images?.names[place], image);
}

function Neighbours(props: {
  readonly image: number;
  readonly index: number | null;
}): JSX.Element | null {
  const { image, index } = props;
  const images = index === null ? null : model.imagesOf(index);
  if (!images || index === null) return null;
  const row = [...images.order].findIndex((place) => images.image[place] === image);
  const at = (next: number) => images.image[images.order[next] ?? -1];
  const go = (next: number) => {
    const found = at(next);
    if (found !== undefined) model.showImage(found, index);
  };
  return (
    <span class="validation-neighbours tabular">
      <Button
        variant="icon"
        label="Previous image of the class"
        disabled={at(row - 1) === undefined}
        onClick={() => go(row - 1)}
      >
        <span class="validation-turned">
          <Icon name="chevron" />
        </span>
      </Button>
      {formatCount(row + 1)} of {formatCount(images.order.length)}
      <Button
        variant="icon"
        label="Next image of the class"
        disabled={at(row + 1) === undefined}
        onClick={() => go(row + 1)}
      >
        <span class="validation-turned" data-next="">
          <Icon name="chevron" />
        </span>
      </Button>
    </span>
  );
}

function Told({ image }: { readonly image: ImageHistory }): JSX.Element {
  const history = useMemo(() => historyOf(image), [image]);
  return (
    <>
      <div class="validation-told">
        <div class="validation-dialog-picture">
          <Thumbnail
            image={image.image}
            size={PICTURE}
            fallback={<span class="muted">No picture of it was recorded.</span>}
          />
        </div>
        <Facts image={image} history={history} />
        <Changes history={history} label={image.label} />
      </div>
      <section class="validation-part">
        <h3>Predictions over all passes</h3>
        <HistoryChart image={image} history={history} />
        <HistoryKey image={image} history={history} />
      </section>
    </>
  );
}

function Facts({
  image,
  history,
}: {
  readonly image: ImageHistory;
  readonly history: History;
}): JSX.Element {
  const pass = outcomePass();
  const predicted = image.predicted[pass] ?? null;
  const step = model.passes.value[pass] ?? null;
  return (
    <dl class="validation-facts tabular">
      <dt>True class</dt>
      <dd>{image.label === null ? 'not known' : model.className(image.label)}</dd>
      {history.correct !== null && (
        <>
          <dt>Correct</dt>
          <dd>
            in {formatCount(history.correct)} of {countOf(history.known, 'pass', 'passes')} (
            {formatFraction(history.known === 0 ? null : history.correct / history.known)})
          </dd>
        </>
      )}
      <dt>At step {formatCount(step)}</dt>
      <dd>
        {predicted === null ? MISSING : model.className(predicted)}
        {predicted !== null && image.label !== null && (
          <span class="muted">{predicted === image.label ? ', correct' : ', wrong'}</span>
        )}
      </dd>
      <dt>True class then</dt>
      <dd>{formatFraction(image.probability[pass] ?? null)} probable</dd>
    </dl>
  );
}

/** What the bars below the pictures mean. */
function OutcomeKey(): JSX.Element {
  const { correct, wrong } = cellColors(model.theme.value);
  const step = model.passes.value[outcomePass()] ?? null;
  return (
    <span class="validation-key tabular">
      <i style={{ background: correct }} /> correct
      <i style={{ background: wrong }} /> wrong at step {formatCount(step)}
    </span>
  );
}

function ClassGallery(props: {
  readonly index: number;
  readonly image: number;
}): JSX.Element | null {
  const { index, image } = props;
  const resource = classImages.value.get(index);
  const images = model.imagesOf(index);
  return (
    <section class="validation-part">
      <h3>
        Images of {model.className(index)}{' '}
        {images && <span class="muted tabular">{formatCount(images.order.length)}</span>}
        <OutcomeKey />
      </h3>
      {images ? (
        <Gallery index={index} images={images} current={image} />
      ) : resource?.status === 'failed' ? (
        <p class="muted">{resource.failure.message}</p>
      ) : (
        <p class="muted" role="status">
          Reading the images…
        </p>
      )}
    </section>
  );
}
