/** The exact values at a place of the rows, and what a mark there means. */
import type { JSX } from 'preact';
import { stepWords } from '../../elements/axis-words';
import { formatCount, formatFraction, MISSING } from '../../scales/format';
import { pairOfAnomaly } from '../../state/compare-pins';
import { anomalyRule, showTriangles } from '../../state/training';
import { knownPasses, type Triangle } from './anomalies';
import type { Line } from './lines';
import { MarkKey } from './Marks';
import * as model from './model';
import { turnedAt } from './outcomes';
import { PairValues } from './PairValues';
import { contentKind, contentOf } from './pairs';
import { Thumbnail } from './Thumbnail';
import { anomalyWords, countOf, hindsightWords, imageTitle, turnedWords } from './words';

const PICTURE = 64;

export interface HoverCardProps {
  readonly line: Line;
  readonly at: model.Pointed;
}

export function HoverCard({ line, at }: HoverCardProps): JSX.Element {
  const { passes } = model.axisOf(line);
  const marks = at.mark ? [at.mark] : marksAt(line, at.pass);
  const image = at.row === null ? null : model.imageAt(lineClass(line), at.row, at.pass);
  return (
    <div class="validation-card tabular">
      {image && (
        <div class="validation-card-picture">
          <Thumbnail key={image.image} image={image.image} size={PICTURE} />
        </div>
      )}
      <strong>{image ? imageTitle(image.name, image.image) : model.lineName(line)}</strong>
      <div class="muted">
        Step {formatCount(passes[at.pass] ?? null)} · pass {formatCount(at.pass + 1)} of{' '}
        {formatCount(passes.length)}
      </div>
      {image ? (
        <ImageValues image={image} label={lineClass(line)} />
      ) : (
        <SeriesValues line={line} pass={at.pass} step={passes[at.pass] ?? null} />
      )}
      {!image && marks.map((mark) => <MarkWords key={mark.side} line={line} mark={mark} />)}
      {contentKind(line) === 'model' && <BlindWords line={line} pass={at.pass} />}
    </div>
  );
}

/** At the dotted parts: why there is no mark. */
function BlindWords(props: { readonly line: Line; readonly pass: number }): JSX.Element | null {
  const { pass } = props;
  const { runLength } = anomalyRule.value;
  const count = model.axisOf(props.line).passes.length;
  if (!showTriangles.value || runLength === 0) return null;
  const early = pass < knownPasses('left', runLength, count)[0];
  const late = pass >= knownPasses('right', runLength, count)[1];
  if (!early && !late) return null;
  const run = countOf(runLength + 1, 'pass', 'passes');
  return (
    <p class="muted">
      {early ? `No state can have lasted for ${run} yet.` : hindsightWords(runLength)}
    </p>
  );
}

function lineClass(line: Line): number {
  return line.kind === 'images' || line.kind === 'class' ? line.index : -1;
}

function marksAt(line: Line, pass: number): readonly Triangle[] {
  return model.shownMarks(line).filter((mark) => mark.pass === pass);
}

interface SeriesValuesProps {
  readonly line: Line;
  readonly pass: number;
  readonly step: number | null;
}

function SeriesValues({ line, pass, step }: SeriesValuesProps): JSX.Element {
  const content = contentOf(line);
  if (content && step !== null) return <PairValues of={content} step={step} />;
  const error = model.errorOf(line)?.[pass] ?? Number.NaN;
  const cluster = line.kind === 'cluster' ? line : null;
  return (
    <dl>
      <dt>{cluster ? 'Mean error' : 'Error'}</dt>
      <dd>{formatFraction(error)}</dd>
      <dt>{cluster ? 'Mean accuracy' : 'Accuracy'}</dt>
      <dd>{formatFraction(1 - error)}</dd>
      {cluster && (
        <>
          <dt>Classes</dt>
          <dd>{formatCount(cluster.classes.length)}</dd>
        </>
      )}
    </dl>
  );
}

function MarkWords({ line, mark }: { readonly line: Line; readonly mark: Triangle }): JSX.Element {
  const { runLength } = anomalyRule.value;
  const of = contentKind(line) === 'model' ? null : model.lineName(line);
  const group = model.lineGroup(line);
  const images = line.kind === 'images' ? model.imagesOf(line.index) : null;
  return (
    <div class="validation-card-mark">
      <p>
        <MarkKey side={mark.side} />
        {anomalyWords({ side: mark.side, count: mark.count, of, runLength })}
      </p>
      {images && line.kind === 'images' && (
        <p class="muted">
          {turnedWords(turnedAt(images, line.index, mark.pass, mark.side, runLength))}
        </p>
      )}
      {group && (
        <p class="muted">
          Marked from {countOf(group.scale.threshold, 'image')} on, far above what is usual here.
        </p>
      )}
      {mark.side === 'right' && <p class="muted">{hindsightWords(runLength)}</p>}
      {line.kind !== 'other' && <Deed step={model.axisOf(line).passes[mark.pass] ?? null} />}
    </div>
  );
}

/** What a click on a mark does. */
function Deed({ step }: { readonly step: number | null }): JSX.Element | null {
  if (step === null) return null;
  const pair = pairOfAnomaly(step);
  return (
    <p class="muted">
      {pair.state === 'ready'
        ? `A click pins it and sets Compare to ${stepWords(pair.a.step)} (a) and ${stepWords(pair.b.step)} (b); a double click, or Shift+Enter, opens Compare.`
        : `A click pins it. ${pair.reason}`}
    </p>
  );
}

function ImageValues(props: {
  readonly image: model.ImageAt;
  readonly label: number;
}): JSX.Element {
  const { predicted, probability } = props.image;
  const correct = predicted === props.label;
  return (
    <dl>
      <dt>Predicted</dt>
      <dd>
        {predicted < 0 ? MISSING : model.className(predicted)}
        {predicted >= 0 && <span class="muted">{correct ? ', correct' : ', wrong'}</span>}
      </dd>
      <dt>True class</dt>
      <dd>
        {model.className(props.label)}
        <span class="muted">, {formatFraction(probability)} probable</span>
      </dd>
    </dl>
  );
}
