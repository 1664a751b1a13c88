/** Rows of strips and pixel charts: pointer and keyboard, and only what is in sight is drawn. */
import { batch, useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import { type Sight, useSight } from '../../elements/use-sight';
import { GUTTER } from '../../scales/steps';
import { chooseAnomaly, compareAnomaly } from '../../state/compare-pins';
import { announce } from '../../state/environment';
import {
  hoveredClass,
  hoveredStep,
  openClasses,
  pinMode,
  pins,
  togglePin,
} from '../../state/training';
import { type Cursor, type Ground, heldCursor, moveCursor } from './cursor';
import { idOf, LineBox } from './LineBox';
import { HEAD, type Layout, type Line, linesBetween, otherKey, ZOOM_STEP } from './lines';
import * as model from './model';
import { ClassBand, Pointer } from './Pointer';
import { type PointedAt, type PointingQuery, passAt, pointAt } from './pointing';
import { Raster } from './Raster';
import { placeWords } from './reading';

const KEYS =
  'Arrow keys move over rows and passes, comma and period to anomalies; Enter opens, P pins the step, Shift and Enter at an anomaly opens Compare there, plus and minus set the height of rows';

export interface GridProps {
  readonly label: string;
  readonly layout: Layout;
  /** Pixels; null is as high as its rows. */
  readonly height: number | null;
}

export function Grid({ label, layout, height }: GridProps): JSX.Element {
  const scroller = useRef<HTMLDivElement>(null);
  const body = useRef<HTMLDivElement>(null);
  const seen = useRef<readonly number[]>([]);
  /** A class that is to be brought into sight. */
  const opened = useRef<number | null>(null);
  const cursor = useSignal<Cursor | null>(null);
  const marked = useSignal<model.Pointed | null>(null);
  const { top, bottom } = within(useSight(body), layout.height);
  const sight = { top, bottom };
  const lines = useMemo(() => linesBetween(layout.lines, top, bottom), [layout.lines, top, bottom]);
  const ground: Ground = {
    lines: layout.lines,
    sight: passesInSight,
    across: passAcross,
    marks: model.shownMarks,
  };
  const held = heldCursor(cursor.value, ground);
  const heldLine = held && layout.lines.find(({ key }) => key === held.key);
  const all = heldLine && !lines.includes(heldLine) ? [...lines, heldLine] : lines;

  useEffect(() => () => leave(), []);
  useLayoutEffect(() => {
    const fresh = openClasses.peek().findLast((index) => !seen.current.includes(index));
    seen.current = openClasses.peek();
    if (fresh !== undefined) opened.current = fresh;
    // Its images come later: only then it is known how high it is.
    const line = layout.lines.find(
      (each) => each.kind === 'images' && each.index === opened.current,
    );
    if (line?.kind !== 'images' || line.images === 0 || !scroller.current) return;
    opened.current = null;
    reveal(scroller.current, line, null);
  }, [layout.lines]);

  const locate = (event: MouseEvent): PointedAt | null => {
    const frame = body.current?.getBoundingClientRect();
    if (!frame || inControls(event)) return null;
    const query = {
      lines: layout.lines,
      axis: model.axisOf,
      scale: model.scale.value,
      marks: model.shownMarks,
    };
    const x = event.clientX - frame.left - GUTTER;
    const at = pointAt(query, x, event.clientY - frame.top);
    return at?.pass === null ? (besideAt(query, at, x) ?? at) : at;
  };
  const hold = (next: Cursor): void => {
    const spoken = next.pass !== held?.pass;
    const line = layout.lines.find(({ key }) => key === next.key);
    batch(() => {
      cursor.value = next;
      model.pointed.value = null;
      marked.value = { ...next, mark: null };
      hoveredStep.value = line ? stepOf(line, next.pass) : null;
    });
    if (line && scroller.current) reveal(scroller.current, line, next.row);
    if (line && spoken) announce(placeWords(line, next));
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.target !== event.currentTarget || event.altKey || event.metaKey) return;
    if (!held || !heldLine) return;
    const modifiers = { ctrl: event.ctrlKey, shift: event.shiftKey };
    const next = moveCursor(held, event.key, modifiers, ground);
    if (next) hold(next);
    else if (!act(event.key, heldLine, held, event.ctrlKey || event.shiftKey)) return;
    event.preventDefault();
    event.stopPropagation();
  };

  return (
    <div class="validation-frame">
      <div
        ref={scroller}
        class="validation-grid"
        role="treegrid"
        tabIndex={0}
        aria-label={label}
        aria-description={KEYS}
        aria-activedescendant={held ? idOf(held.key, held.row) : undefined}
        style={height === null ? undefined : { height: `${Math.min(height, layout.height)}px` }}
        onKeyDown={onKeyDown}
        onFocus={(event) => {
          if (event.target !== event.currentTarget || !held) return;
          if (event.currentTarget.matches(':focus-visible')) marked.value = { ...held, mark: null };
        }}
        onBlur={() => {
          marked.value = null;
        }}
        onPointerMove={(event) => point(locate(event))}
        onPointerLeave={leave}
        onClick={(event) => {
          // Its buttons are reached with the grid's keys: the focus stays with it.
          const control = (event.target as Element).closest('button, input');
          if (control === null || control.getAttribute('tabindex') === '-1') {
            event.currentTarget.focus({ preventScroll: true });
          }
          const at = locate(event);
          const key = at?.line.key ?? keyUnder(event);
          if (key) cursor.value = { key, pass: at?.pass ?? held?.pass ?? 0, row: at?.row ?? null };
          if (at) choose(at, event.detail);
        }}
      >
        {/* biome-ignore lint/a11y/useSemanticElements: rows lie on a canvas, not in a table */}
        <div
          ref={body}
          role="rowgroup"
          class="validation-body"
          style={{ width: `${model.width.value}px`, height: `${layout.height}px` }}
        >
          <ClassBand lines={lines} />
          {all.map((line) => (
            <LineBox
              key={line.key}
              line={line}
              sight={sight}
              held={line.key === held?.key ? held.row : null}
            />
          ))}
          <Raster lines={lines} sight={sight} />
          <Pointer lines={layout.lines} body={body} cursor={marked} />
        </div>
      </div>
    </div>
  );
}

function within({ top, bottom }: Sight, height: number): Sight {
  const end = Math.min(height, bottom);
  return { top: Math.min(top, end), bottom: end };
}

function passesInSight(line: Line): readonly [number, number] {
  const { columns } = model.axisOf(line);
  return [columns[0]?.index ?? 0, columns.at(-1)?.index ?? 0];
}

/** Where the run of a row has no pass, the same row of the other may have one. */
function besideAt(query: PointingQuery, at: PointedAt, x: number): PointedAt | null {
  const { key } = at.line;
  const beside = query.lines.find(
    (line) => line.key === otherKey(key) || otherKey(line.key) === key,
  );
  const pass = beside ? passAt(query, beside, x) : null;
  return beside && pass !== null ? { line: beside, row: null, y: 0, mark: null, pass } : null;
}

function stepOf(line: Line, pass: number): number | null {
  return model.axisOf(line).passes[pass] ?? null;
}

/** Where the line's run has no pass at the step, the nearest in sight. */
function passAcross(pass: number, from: Line, to: Line): number {
  const step = stepOf(from, pass) ?? 0;
  const [first, last] = passesInSight(to);
  const found = model.passAtStep(to, step);
  if (found < 0) return step < (stepOf(to, first) ?? 0) ? first : last;
  return Math.min(last, Math.max(first, found));
}

function keyUnder(event: MouseEvent): string | undefined {
  return (event.target as Element).closest<HTMLElement>('[data-key]')?.dataset.key;
}

/** Buttons and sliders have clicks of their own. */
function inControls(event: MouseEvent): boolean {
  const target = event.target as Element;
  return target.closest('button, input, .validation-head, .validation-rest') !== null;
}

function point(at: PointedAt | null): void {
  const pass = at?.pass ?? null;
  const line = at?.line;
  batch(() => {
    hoveredStep.value = line && pass !== null ? stepOf(line, pass) : null;
    const of = line?.kind === 'other' ? line.of : line;
    hoveredClass.value = of?.kind === 'class' || of?.kind === 'images' ? of.index : null;
    const next =
      at && line && pass !== null && line.kind !== 'rest'
        ? { key: line.key, pass, row: at.row, mark: at.mark }
        : null;
    if (!isSame(model.pointed.value, next)) model.pointed.value = next;
  });
}

function isSame(one: model.Pointed | null, other: model.Pointed | null): boolean {
  if (one === null || other === null) return one === other;
  return (
    one.key === other.key &&
    one.pass === other.pass &&
    one.row === other.row &&
    one.mark?.side === other.mark?.side &&
    one.mark?.pass === other.mark?.pass
  );
}

function leave(): void {
  point(null);
}

/** A mark pins its step, or opens Compare there; elsewhere it depends on the page's mode. */
function choose({ line, pass, row, mark }: PointedAt, clicks: number): void {
  if (pass === null) return;
  const step = stepOf(line, pass);
  const comparable = mark !== null && line.kind !== 'other';
  if (step !== null && comparable && clicks === 2) compareAnomaly(step);
  else if (step !== null && (mark || pinMode.value)) pin(step, comparable);
  else open(line, row, pass);
}

/** Of an anomaly, Compare is set to it too. */
function pin(step: number, anomaly: boolean): void {
  if (anomaly && !pins.value.includes(step)) chooseAnomaly(step);
  else togglePin(step);
}

/** Of this run: the other's snapshots are not these. */
function isMarked(line: Line, pass: number): boolean {
  return line.kind !== 'other' && model.shownMarks(line).some((mark) => mark.pass === pass);
}

function open(line: Line, row: number | null, pass: number): void {
  if (line.kind === 'images' && row !== null) {
    const found = model.imageAt(line.index, row, pass);
    if (found) model.showImage(found.image, line.index, stepOf(line, pass));
  } else model.toggleLine(line);
}

/** What keys do at the place that is held; false for others. */
function act(key: string, line: Line, held: Cursor, more: boolean): boolean {
  const step = stepOf(line, held.pass);
  if (key === 'Enter' && more && step !== null && isMarked(line, held.pass)) compareAnomaly(step);
  else if (key === 'Enter' || key === ' ') open(line, held.row, held.pass);
  else if ((key === 'p' || key === 'P') && step !== null) pin(step, isMarked(line, held.pass));
  else if ((key === '+' || key === '-') && line.kind === 'images') {
    const zoom = model.zoomOf(line.index, line.images);
    model.setZoom(line.index, zoom + (key === '+' ? ZOOM_STEP : -ZOOM_STEP));
  } else return false;
  return true;
}

/** Scrolls until the row is in sight, below the head of its class. */
function reveal(scroller: HTMLElement, line: Line, row: number | null): void {
  const inner = line.kind === 'images' && row !== null;
  const top = inner ? line.top + line.chartTop + row * line.cell : line.top;
  const height = inner ? line.cell : Math.min(line.height, scroller.clientHeight);
  const above = top - (inner ? HEAD : 0);
  if (above < scroller.scrollTop) scroller.scrollTop = above;
  const below = top + height - scroller.clientHeight;
  if (below > scroller.scrollTop) scroller.scrollTop = below;
}
