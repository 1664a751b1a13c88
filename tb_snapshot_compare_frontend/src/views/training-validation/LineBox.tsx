/** One row of the view: its name in the gutter, its marks; its colours are on the canvas. */
import type { ComponentChildren, JSX } from 'preact';
import type { Sight } from '../../elements/use-sight';
import { showTriangles, validationOpen } from '../../state/training';
import { otherTitle } from '../../state/training-pair';
import { ImagesHead, ImagesState, RowNames } from './ClassImages';
import type { Line } from './lines';
import { Marks } from './Marks';
import * as model from './model';
import { ClassName, ClusterName, Opener, RestName } from './Names';
import { OtherGutter, OwnMark } from './OtherRow';
import { errorWords, lastKnown, rowSummary } from './words';

export function idOf(key: string, row: number | null = null): string {
  return row === null ? `validation-${key}` : `validation-${key}-row-${row}`;
}

export interface LineBoxProps {
  readonly line: Line;
  readonly sight: Sight;
  /** The row of an image that the keyboard holds. */
  readonly held: number | null;
}

export function LineBox({ line, sight, held }: LineBoxProps): JSX.Element {
  const place = { top: `${line.top}px`, height: `${line.height}px` };
  if (line.kind === 'images') {
    return (
      <div class="validation-line" data-kind="images" data-key={line.key} style={place}>
        <Row line={line} class="validation-head-row">
          <ImagesHead line={line} />
        </Row>
        <OwnMark line={line} />
        <ImagesState line={line} />
        {showTriangles.value && line.images > 0 && <Marks line={line} />}
        <RowNames line={line} sight={sight} held={held} idOf={(row) => idOf(line.key, row)} />
      </div>
    );
  }
  return (
    <Row line={line} class="validation-line" style={place}>
      {line.kind === 'other' ? <OtherGutter line={line} /> : <Gutter line={line} />}
      {line.kind !== 'other' && line.kind !== 'rest' && <OwnMark line={line} />}
      {showTriangles.value && <Marks line={line} />}
    </Row>
  );
}

interface RowProps {
  readonly line: Line;
  readonly class: string;
  readonly style?: Readonly<Record<string, string>>;
  readonly children: ComponentChildren;
}

function Row({ line, children, ...rest }: RowProps): JSX.Element {
  const error = model.errorOf(line);
  const summary = error
    ? rowSummary(
        nameOf(line),
        error,
        model.axisOf(line).passes,
        showTriangles.value ? model.marksOf(line).length : null,
      )
    : line.kind === 'other'
      ? `${nameOf(line)}: ${model.absenceWords(line.of)}`
      : undefined;
  return (
    // biome-ignore lint/a11y/useSemanticElements: rows lie on a canvas, not in a table
    // biome-ignore lint/a11y/useFocusableInteractive: the grid holds the focus and names the row
    <div
      {...rest}
      id={idOf(line.key)}
      role="row"
      data-kind={line.kind}
      data-key={line.key}
      aria-label={summary}
      aria-level={levelOf(line)}
      aria-expanded={expandedOf(line)}
    >
      {children}
    </div>
  );
}

function nameOf(line: Line): string {
  const name = model.lineName(line);
  return line.kind === 'other' ? `${name} in ${otherTitle.value}` : name;
}

function Gutter({ line }: { readonly line: Line }): JSX.Element {
  if (line.kind === 'rest') return <RestName count={line.count} />;
  return (
    // biome-ignore lint/a11y/useSemanticElements: as above
    // biome-ignore lint/a11y/useFocusableInteractive: as above
    <div
      role="rowheader"
      class="validation-gutter"
      data-kind={line.kind}
      data-level={levelOf(line)}
    >
      {line.kind === 'model' && <ModelName />}
      {line.kind === 'cluster' && <ClusterName line={line} />}
      {line.kind === 'class' && <ClassName line={line} />}
    </div>
  );
}

function ModelName(): JSX.Element {
  const error = model.modelGroup.value?.error;
  const open = validationOpen.value;
  return (
    <Opener
      open={open}
      title={open ? 'Hide the classes' : 'Show the classes'}
      onToggle={() => {
        validationOpen.value = !open;
      }}
    >
      <strong>All classes</strong>
      <span class="muted tabular">{errorWords(error?.[lastKnown(error)])}</span>
    </Opener>
  );
}

function levelOf(shown: Line): number {
  const line = shown.kind === 'other' ? shown.of : shown;
  return line.kind === 'class' || line.kind === 'images' ? line.level : 1;
}

function expandedOf(line: Line): boolean | undefined {
  if (line.kind === 'model') return validationOpen.value;
  if (line.kind === 'cluster') return line.open;
  if (line.kind === 'rest' || line.kind === 'other') return undefined;
  return line.kind === 'images';
}
