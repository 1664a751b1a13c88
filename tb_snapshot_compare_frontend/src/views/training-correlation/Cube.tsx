/** Layers, classes and time: three faces whose shared edges line up, flat or in oblique projection. */

import { batch } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import type { Correlation } from '../../client/types';
import { GUTTER, MARGIN } from '../../scales/steps';
import * as state from '../../state/training';
import { AXIS, CubeHighlights, CubeNames, PADDING } from './CubeOver';
import { prepare } from './canvas';
import { press } from './choosing';
import * as cube from './cube-model';
import { paintCube } from './cube-paint';
import { type CubePlace, cubePlaceAt, ofPlace } from './cube-places';
import { corners, type Point } from './cube-projection';
import { CELL_ID, HeldCell, KEYS, useCursor } from './HeldCell';
import { HoverCard } from './HoverCard';
import type { Layout } from './layout';
import * as model from './model';
import { boxOf, type Place } from './places';
import { useScrolled } from './use-scrolled';
import { countOf } from './words';

const HEIGHT_MOST = 820;
const TURN_MS = 150;

export function Cube(): JSX.Element | null {
  const [known, layout] = [model.known.value, cube.cubeLayout.value];
  useTurning();
  if (known === null || layout === null || model.room.value === 0) return null;
  return <Drawing known={known} layout={layout} />;
}

/** Turns the faces in a moment, or at once where motion is not wanted. */
function useTurning(): void {
  const goal = state.cubeProjection.value === 'oblique' ? 1 : 0;
  const first = useRef(true);
  useLayoutEffect(() => {
    const still = first.current || matchMedia('(prefers-reduced-motion: reduce)').matches;
    first.current = false;
    const from = cube.obliqueness.peek();
    if (still || from === goal) {
      cube.obliqueness.value = goal;
      return;
    }
    const start = performance.now();
    let frame = requestAnimationFrame(function turn(now: number) {
      const share = Math.min(1, Math.max(0, (now - start) / TURN_MS));
      cube.obliqueness.value = from + (goal - from) * share;
      if (share < 1) frame = requestAnimationFrame(turn);
    });
    return () => cancelAnimationFrame(frame);
  }, [goal]);
}

function Drawing(props: { readonly known: Correlation; readonly layout: Layout }): JSX.Element {
  const { known, layout } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const sight = useScrolled(scroller);
  const keys = useCursor(known, layout);
  const scene = cube.sceneOf(known, layout);
  const { width, height } = cube.projection.value;
  const [wide, tall] = [GUTTER + width + MARGIN, PADDING + height + AXIS];

  useLayoutEffect(() => {
    const context = canvas.current && prepare(canvas.current, sight.width, sight.height);
    if (!context) return;
    context.translate(GUTTER - sight.left, PADDING - sight.top);
    const [left, top] = [sight.left - GUTTER, sight.top - PADDING];
    paintCube(context, scene, { left, top, right: left + sight.width, bottom: top + sight.height });
  }, [scene.changes, scene.errors, scene.projection, scene.colors, layout, sight]);
  useEffect(() => () => point(null, null), []);

  const locate = (event: MouseEvent): CubePlace | null => {
    const frame = scroller.current?.getBoundingClientRect();
    if (!frame) return null;
    const x = event.clientX - frame.left + (scroller.current?.scrollLeft ?? 0) - GUTTER;
    const y = event.clientY - frame.top + (scroller.current?.scrollTop ?? 0) - PADDING;
    return cubePlaceAt(known, layout, [x, y]);
  };
  const point = (at: CubePlace | null, box: model.Pointed['box'] | null): void => {
    batch(() => {
      state.hoveredUnit.value = at?.layer ?? null;
      state.hoveredClass.value = at?.classIndex ?? null;
      state.hoveredStep.value = at?.step ?? null;
      model.pointed.value = at && box ? { place: at.place, words: at.words, box } : null;
    });
  };
  const pointAtPlace = (place: Place | null): void => {
    const frame = scroller.current?.getBoundingClientRect();
    if (place === null || !frame) {
      point(null, null);
      return;
    }
    const box = boundsOf(corners(cube.projection.value.right, boxOf(layout, place)));
    const left = frame.left - (scroller.current?.scrollLeft ?? 0) + GUTTER;
    const top = frame.top - (scroller.current?.scrollTop ?? 0) + PADDING;
    point(ofPlace(known, place), { ...box, x: left + box.x, y: top + box.y });
  };

  return (
    <div class="correlation-frame" style={{ height: `${Math.min(HEIGHT_MOST, tall)}px` }}>
      <canvas
        ref={canvas}
        class="correlation-canvas"
        style={{ left: 0, top: 0, width: `${sight.width}px`, height: `${sight.height}px` }}
      />
      <svg
        class="correlation-over"
        aria-hidden="true"
        width={sight.width}
        height={sight.height}
        viewBox={`${sight.left - GUTTER} ${sight.top - PADDING} ${sight.width} ${sight.height}`}
        style={{ left: 0, top: 0 }}
      >
        <CubeNames layout={layout} />
        <CubeHighlights known={known} layout={layout} />
      </svg>
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
        style={{ inset: 0 }}
        onKeyDown={(event) => keys.onKeyDown(event, pointAtPlace)}
        onFocus={(event) =>
          event.currentTarget.matches(':focus-visible') && pointAtPlace(keys.place)
        }
        onBlur={() => point(null, null)}
        onPointerMove={(event) => {
          const at = locate(event);
          if (at?.place) pointAtPlace(at.place);
          else point(at, { x: event.clientX, y: event.clientY - 6, width: 0, height: 18 });
        }}
        onPointerLeave={() => point(null, null)}
        onClick={(event) => {
          const at = locate(event);
          if (at?.place) {
            keys.hold(at.place);
            press(known, at.place, event.shiftKey);
          } else if (at && at.step !== null && state.pinMode.value) state.togglePin(at.step);
        }}
      >
        <div style={{ width: `${wide}px`, height: `${tall}px` }} />
        <HeldCell known={known} cursor={keys.cursor} place={keys.place} />
      </div>
      <HoverCard />
    </div>
  );
}

function labelOf(known: Correlation, layout: Layout): string {
  const layers = countOf(layout.rows.length, 'layer');
  const classes = countOf(known.classes.length, 'class', 'classes');
  return `Cube of ${layers}, ${classes} and ${countOf(state.dumps.value.length, 'dump')}; keys move over its mini-sets`;
}

function boundsOf(points: readonly Point[]): model.Pointed['box'] {
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  const [x, y] = [Math.min(...xs), Math.min(...ys)];
  return { x, y, width: Math.max(...xs) - x, height: Math.max(...ys) - y };
}
