/** Layers against classes, in both forms: names around a canvas of what is in sight. */
import type { JSX } from 'preact';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import type { Correlation } from '../../client/types';
import { GUTTER, MARGIN } from '../../scales/steps';
import { prepare } from './canvas';
import { hover, press } from './choosing';
import { CELL_ID, HeldCell, KEYS, useCursor } from './HeldCell';
import { Highlights } from './Highlights';
import { HoverCard } from './HoverCard';
import type { Heads } from './heads';
import type { Layout } from './layout';
import * as model from './model';
import { ColumnHeads, LayerNames } from './Names';
import { paintLayout } from './paint';
import { canvasPen } from './pen';
import { boxOf, type Place, placeAt } from './places';
import { type Scrolled, useScrolled } from './use-scrolled';
import { countOf, wordsOf } from './words';

/** Higher drawings are scrolled. */
const HEIGHT_MOST = 640;
const SCROLLBAR = 14;

export function Matrix(): JSX.Element | null {
  const [known, layout, heads] = [model.known.value, model.layout.value, model.heads.value];
  if (known === null || layout === null || heads === null || model.room.value === 0) return null;
  return <Drawing known={known} layout={layout} heads={heads} />;
}

interface DrawingProps {
  readonly known: Correlation;
  readonly layout: Layout;
  readonly heads: Heads;
}

function Drawing({ known, layout, heads }: DrawingProps): JSX.Element {
  const scroller = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const sight = useScrolled(scroller);
  const keys = useCursor(known, layout);
  const room = model.room.value;
  const wide = layout.width > room + MARGIN;
  const height = Math.min(HEIGHT_MOST, layout.height + (wide ? SCROLLBAR : 0));
  const width = layout.width + (layout.height > height ? SCROLLBAR : 0);
  const head = heads.height;
  const colors = model.colors.value;

  useLayoutEffect(() => {
    const context = canvas.current && prepare(canvas.current, sight.width, sight.height);
    if (!context) return;
    context.translate(-sight.left, -sight.top);
    const { left, top } = sight;
    const part = { left, top, right: left + sight.width, bottom: top + sight.height };
    paintLayout(canvasPen(context), known, layout, part, colors);
  }, [known, layout, sight, colors]);
  useEffect(() => () => point(null), []);

  const locate = (event: MouseEvent): Place | null => {
    const frame = scroller.current?.getBoundingClientRect();
    if (!frame) return null;
    const x = event.clientX - frame.left + (scroller.current?.scrollLeft ?? 0);
    const y = event.clientY - frame.top + (scroller.current?.scrollTop ?? 0);
    return placeAt(known, layout, x, y);
  };
  const point = (place: Place | null): void => {
    hover(known, place);
    const frame = scroller.current?.getBoundingClientRect();
    if (place === null || !frame) {
      model.pointed.value = null;
      return;
    }
    const [x, y, width, tall] = boxOf(layout, place);
    const left = frame.left - (scroller.current?.scrollLeft ?? 0);
    const top = frame.top - (scroller.current?.scrollTop ?? 0);
    model.pointed.value = {
      place,
      words: wordsOf(known, place),
      box: { x: left + x, y: top + y, width, height: tall },
    };
  };
  const onKeyDown = (event: KeyboardEvent): void =>
    keys.onKeyDown(event, (place) => {
      if (scroller.current) reveal(scroller.current, layout, place);
      point(place);
    });

  return (
    <div class="correlation-frame" style={{ height: `${head + height}px` }}>
      <ColumnHeads layout={layout} sight={sight} heads={heads} />
      <LayerNames layout={layout} sight={sight} head={head} />
      <canvas
        ref={canvas}
        class="correlation-canvas"
        style={{
          left: `${GUTTER}px`,
          top: `${head}px`,
          width: `${sight.width}px`,
          height: `${sight.height}px`,
        }}
      />
      <Highlights known={known} layout={layout} sight={sight} top={head} />
      {/* biome-ignore lint/a11y/useSemanticElements: cells are painted on a canvas */}
      <div
        ref={scroller}
        class="correlation-scroller"
        role="grid"
        tabIndex={0}
        aria-label={labelOf(known, layout)}
        aria-description={KEYS}
        aria-rowcount={keys.downs}
        aria-colcount={keys.acrosses}
        aria-activedescendant={keys.place ? CELL_ID : undefined}
        style={{
          left: `${GUTTER}px`,
          top: `${head}px`,
          width: `${Math.min(room + MARGIN, width)}px`,
          height: `${height}px`,
        }}
        onKeyDown={onKeyDown}
        onFocus={(event) => event.currentTarget.matches(':focus-visible') && point(keys.place)}
        onBlur={() => point(null)}
        onPointerMove={(event) => point(locate(event))}
        onPointerLeave={() => point(null)}
        onClick={(event) => {
          const place = locate(event);
          if (place === null) return;
          keys.hold(place);
          press(known, place, event.shiftKey);
        }}
      >
        <div style={{ width: `${layout.width}px`, height: `${layout.height}px` }} />
        <HeldCell known={known} cursor={keys.cursor} place={keys.place} />
      </div>
      <HoverCard />
    </div>
  );
}

function labelOf(known: Correlation, layout: Layout): string {
  const size = `${countOf(layout.rows.length, 'layer')} by ${countOf(known.classes.length, 'class', 'classes')}`;
  if (!layout.detailed) return `Strongly changing filters, ${size}`;
  return `Mini-sets of filters, ${size}, ${countOf(known.columns.length, 'anomaly iteration')}`;
}

function reveal(scroller: HTMLElement, layout: Layout, place: Place): void {
  const [x, y, width, height] = boxOf(layout, place);
  const sight: Scrolled = {
    left: scroller.scrollLeft,
    top: scroller.scrollTop,
    width: scroller.clientWidth,
    height: scroller.clientHeight,
  };
  scroller.scrollLeft = within(sight.left, sight.width, x, width);
  scroller.scrollTop = within(sight.top, sight.height, y, height);
}

function within(from: number, size: number, start: number, length: number): number {
  if (start < from) return start;
  return start + length > from + size ? start + length - size : from;
}
