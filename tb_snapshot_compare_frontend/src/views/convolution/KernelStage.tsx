/** The map with its strips: drawing, pointer, brush and keyboard. */
import { effect, useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import type { KernelMap } from '../../client/types';
import { Tooltip } from '../../elements/Tooltip';
import { useSize } from '../../elements/use-size';
import type { Camera, View } from '../../render/camera';
import { dark } from '../../state/environment';
import { kernelPlaces, locatedTiles, shownTiles } from '../../state/kernel';
import { channelStrip } from '../../state/probing';
import { latest } from '../../state/resources';
import { area, channel, filters, kernelQuantity, mapView } from '../../state/selection';
import { chooseColumn, chooseRow } from './choosing';
import {
  boxStyle,
  cameraView,
  cellsRectangle,
  extentOf,
  fitScale,
  isInside,
  LEFT,
  largestScale,
  type Place,
  Projection,
  type Size,
  sharedView,
  stripBox,
  TOP,
  weightRectangle,
} from './geometry';
import { StripCard } from './HoverCard';
import { KernelCard } from './KernelCard';
import { movedCursor } from './keys';
import type { MapDrawing } from './MapDrawing';
import { areaOf } from './overlay';
import { shownAs } from './quantities';
import { ReadOut } from './ReadOut';
import { type Canvases, StagePainter, type StripPoint } from './StagePainter';
import { useInspection } from './use-inspection';
import { WheelHint } from './WheelHint';
import { areaSize, positionOf } from './words';

const SHARE_VIEW_MS = 300;

export interface KernelStageProps {
  readonly map: KernelMap;
  readonly camera: Camera;
  readonly drawing: MapDrawing;
  readonly brushing: boolean;
  /** Draws the map again with the next frame. */
  readonly onRedraw: { current: () => void };
  readonly canvases: { current: Canvases | null };
}

export function KernelStage(props: KernelStageProps): JSX.Element {
  const { map, camera, drawing, brushing, onRedraw, canvases } = props;
  const stage = useRef<HTMLDivElement>(null);
  const surface = useRef<HTMLDivElement>(null);
  const mapCanvas = useRef<HTMLCanvasElement>(null);
  const overlayCanvas = useRef<HTMLCanvasElement>(null);
  const topCanvas = useRef<HTMLCanvasElement>(null);
  const leftCanvas = useRef<HTMLCanvasElement>(null);
  const anchor = useRef<HTMLDivElement>(null);
  const whole = useSize(stage);
  const size = useMemo<Size | null>(
    () =>
      whole && {
        width: Math.max(1, whole.width - LEFT),
        height: Math.max(1, whole.height - TOP),
      },
    [whole],
  );
  const pointed = useSignal<Place | null>(null);
  const cursor = useSignal<Place | null>(null);
  const focused = useSignal(false);
  const brush = useSignal<readonly [Place, Place] | null>(null);
  const stripPoint = useSignal<StripPoint | null>(null);
  const opened = useSignal<Place | null>(null);
  const said = useSignal('');
  const written = useRef(mapView.peek());
  const placed = useRef<{ readonly view: View; readonly extent: Size; readonly size: Size } | null>(
    null,
  );
  const painter = useRef<StagePainter | null>(null);
  const places = latest(kernelPlaces.value);
  const theme = dark.value ? 'dark' : 'light';
  const quantity = kernelQuantity.value;
  const shown = useMemo(() => shownAs(map, quantity, theme), [map, quantity, theme]);
  const project = () => new Projection(map, camera.view.peek());

  useLayoutEffect(() => {
    const all = {
      map: mapCanvas.current,
      overlay: overlayCanvas.current,
      top: topCanvas.current,
      left: leftCanvas.current,
    };
    if (!stage.current || !isWhole(all)) return;
    const own = new StagePainter(stage.current, camera, drawing);
    own.canvases = all;
    own.pointing = () => ({
      pointed: pointed.peek(),
      cursor: focused.peek() ? cursor.peek() : null,
      opened: opened.peek(),
      brush: brush.peek(),
      strip: stripPoint.peek(),
    });
    painter.current = own;
    canvases.current = all;
    onRedraw.current = () => own.redraw('map');
    return () => {
      own.dispose();
      painter.current = null;
      canvases.current = null;
      onRedraw.current = () => undefined;
    };
  }, [camera, drawing, onRedraw, canvases]);

  useLayoutEffect(() => {
    if (!painter.current || !size) return;
    painter.current.scene = { map, size, shown, theme, places };
    painter.current.redraw('map');
  }, [map, size, shown, theme, places, camera, drawing]);

  // The camera knows the map and the screen before the first frame.
  useLayoutEffect(() => {
    if (!size) return;
    const extent = extentOf(map);
    const fit = fitScale(extent, size);
    camera.setContent(extent);
    camera.setViewport(size);
    camera.limitScale(fit, largestScale(map, fit));
    // A move since then is shared a moment later only: another size must not take it back.
    const last = placed.current;
    const now = camera.view.peek();
    const moved = last !== null && now !== last.view;
    const view = moved ? sharedView(now, last.extent, last.size) : mapView.peek();
    if (view) camera.move(cameraView(view, extent, size));
    else camera.fit(0, fit);
    placed.current = { view: camera.view.peek(), extent, size };
  }, [map, size, camera]);

  // Before the first frame, too: what is drawn later waits for the tiles anyway.
  useLayoutEffect(
    () =>
      effect(() => {
        if (shownTiles.value) drawing.show(shownTiles.value);
        drawing.mark(locatedTiles.value);
        painter.current?.ask();
        painter.current?.redraw('map');
      }),
    [map, size, camera, drawing],
  );

  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const share = (): void => {
      const scene = painter.current?.scene;
      if (!scene) return;
      const next = sharedView(camera.view.peek(), extentOf(scene.map), scene.size);
      if (next === null && mapView.peek() === null) return;
      written.current = next;
      mapView.value = next;
    };
    const stops = [
      effect(() => {
        void camera.view.value;
        pointed.value = null;
        painter.current?.redraw('map');
        clearTimeout(timer);
        timer = setTimeout(share, SHARE_VIEW_MS);
      }),
      effect(() => {
        const view = mapView.value;
        const scene = painter.current?.scene;
        if (view === written.current || !scene) return;
        written.current = view;
        const extent = extentOf(scene.map);
        if (view) camera.move(cameraView(view, extent, scene.size));
        else camera.fit(0, fitScale(extent, scene.size));
      }),
      effect(() => {
        void [filters.value, channel.value, area.value, channelStrip.value, brush.value];
        void [pointed.value, cursor.value, focused.value, opened.value, stripPoint.value];
        painter.current?.redraw('overlay');
      }),
    ];
    return () => {
      clearTimeout(timer);
      for (const stop of stops) stop();
    };
  }, [camera, drawing]);

  useEffect(() => (surface.current ? camera.attach(surface.current) : undefined), [camera]);

  useInspection(map, camera, () => ({
    card: opened.value,
    weight: pointed.value ?? (focused.value ? cursor.value : null),
  }));

  const placeOf = (event: MouseEvent, element: Element | null) => {
    const box = element?.getBoundingClientRect();
    return { x: event.clientX - (box?.left ?? 0), y: event.clientY - (box?.top ?? 0) };
  };
  const weightAt = (event: MouseEvent): Place | null => {
    const { x, y } = placeOf(event, surface.current);
    return project().weightAt(x, y);
  };
  const nearestCell = (event: MouseEvent): Place => {
    const { x, y } = placeOf(event, surface.current);
    const projection = project();
    const { view, cell } = projection;
    const within = (value: number, count: number) =>
      Math.max(0, Math.min(count - 1, Math.floor(value)));
    return {
      row: within((y - view.y) / cell.height, map.rows),
      column: within((x - view.x) / cell.width, map.columns),
    };
  };

  const onPointerDownCapture = (event: PointerEvent): void => {
    // After a brush by touch no click follows that would take it back.
    justBrushed.current = false;
    if (event.button !== 0 || !(brushing || event.shiftKey)) return;
    event.stopPropagation();
    surface.current?.setPointerCapture(event.pointerId);
    const cell = nearestCell(event);
    pointed.value = null;
    brush.value = [cell, cell];
  };
  const onPointerMove = (event: PointerEvent): void => {
    if (brush.value) brush.value = [brush.value[0], nearestCell(event)];
    else if (!camera.moving.value && event.pointerType !== 'touch') pointed.value = weightAt(event);
  };
  const onPointerUp = (): void => {
    const drawn = brush.value;
    if (!drawn) return;
    brush.value = null;
    area.value = areaOf(drawn);
    said.value = `Area of ${areaSize(areaOf(drawn), map)} selected`;
    justBrushed.current = true;
  };
  const justBrushed = useRef(false);
  const onClick = (event: MouseEvent): void => {
    if (justBrushed.current || camera.moving.value) {
      justBrushed.current = false;
      return;
    }
    const weight = weightAt(event);
    if (!weight) return;
    cursor.value = weight;
    open(project().cellOf(weight));
  };
  const open = (cell: Place): void => {
    pointed.value = null;
    opened.value = cell;
  };
  const close = useCallback(() => {
    opened.value = null;
    stage.current?.querySelector<HTMLElement>('[role=application]')?.focus();
  }, []);

  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const projection = project();
    const at = cursor.value;
    if (event.key === '0') {
      if (size) camera.fit(0, fitScale(extentOf(map), size));
    } else if (!event.key.startsWith('Arrow') && camera.onKey(event)) {
      event.stopPropagation();
      return;
    } else if (event.key === 'Escape') {
      if (opened.value) close();
      else if (brush.value) brush.value = null;
      else if (area.value) area.value = null;
      else return;
    } else if (at === null) {
      // The focus came by a click or a drag.
      if (movedCursor(projection, START, event.key, false) === null) return;
      enter();
    } else if (event.key === 'Enter' || event.key === ' ') open(projection.cellOf(at));
    else if (event.key === 'c') said.value = chooseColumn(map, projection.cellOf(at).column);
    else if (event.key === 'r') said.value = chooseRow(map, projection.cellOf(at).row);
    else {
      const next = movedCursor(projection, at, event.key, event.shiftKey);
      if (next === null) return;
      if (event.shiftKey) {
        origin.current ??= projection.cellOf(at);
        area.value = areaOf([origin.current, projection.cellOf(next)]);
      }
      goTo(next);
    }
    if (!event.shiftKey) origin.current = null;
    event.preventDefault();
    event.stopPropagation();
  };
  const origin = useRef<Place | null>(null);
  const goTo = (weight: Place): void => {
    const projection = project();
    cursor.value = weight;
    focused.value = true;
    const cell = projection.cellOf(weight);
    const rectangle = projection.open ? weightRectangle(weight) : cellsRectangle(map, cell);
    const extent = extentOf(map);
    const unit = { x: extent.width / projection.columns, y: extent.height / projection.rows };
    camera.reveal(
      {
        x: rectangle.left * unit.x,
        y: rectangle.top * unit.y,
        width: (rectangle.right - rectangle.left) * unit.x,
        height: (rectangle.bottom - rectangle.top) * unit.y,
      },
      8,
    );
    const chosen = area.value && origin.current ? `, area of ${areaSize(area.value, map)}` : '';
    said.value = positionOf(map, latest(kernelPlaces.peek()), cell) + chosen;
  };
  const onFocus = (): void => {
    focused.value = surface.current?.matches(':focus-visible') === true;
    if (focused.value) enter();
  };
  const enter = (): void => {
    const { top, left, bottom, right } = size ? project().seen(size) : weightRectangle(START);
    if (cursor.value === null || !isInside(cursor.value, { top, left, bottom, right })) {
      goTo({ row: Math.floor((top + bottom) / 2), column: Math.floor((left + right) / 2) });
    }
  };

  const stripPlace = (side: 'top' | 'left', event: MouseEvent): number | null => {
    const { view, cell } = project();
    const { x, y } = placeOf(event, surface.current);
    const place =
      side === 'top'
        ? Math.floor((x - view.x) / cell.width)
        : Math.floor((y - view.y) / cell.height);
    return place >= 0 && place < (side === 'top' ? map.columns : map.rows) ? place : null;
  };
  const onStripMove = (side: 'top' | 'left') => (event: PointerEvent) => {
    const place = stripPlace(side, event);
    stripPoint.value = place === null ? null : { side, place };
  };

  const read = pointed.value ?? (focused.value && !opened.value ? cursor.value : null);
  const strip = stripPoint.value;
  const label = `${map.tensor} as a map: ${map.rows} × ${map.columns} ${map.cell_word}s`;
  return (
    <div ref={stage} class="kernel-stage" data-brushing={brushing ? '' : undefined}>
      <div class="kernel-corner" aria-hidden="true">
        <span title={map.column_word}>{`${shortWord(map.column_word)} →`}</span>
        <span title={map.row_word}>{`${shortWord(map.row_word)} ↓`}</span>
      </div>
      {(['top', 'left'] as const).map((side) => (
        // biome-ignore lint/a11y/useKeyWithClickEvents: C and R on the map do the same
        // biome-ignore lint/a11y/noStaticElementInteractions: C and R on the map do the same
        <div
          key={side}
          class={`kernel-strip kernel-strip-${side}`}
          data-selectable={
            (side === 'top' ? map.columns_are_channels : map.rows_are_channels) ? '' : undefined
          }
          onPointerMove={onStripMove(side)}
          onPointerLeave={() => {
            stripPoint.value = null;
          }}
          onClick={(event) => {
            const place = stripPlace(side, event);
            if (place === null) return;
            said.value = side === 'top' ? chooseColumn(map, place) : chooseRow(map, place);
          }}
        >
          <canvas ref={side === 'top' ? topCanvas : leftCanvas} />
        </div>
      ))}
      <div
        ref={surface}
        class="kernel-surface"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: the one tab stop of an interactive map
        tabIndex={0}
        role="application"
        aria-roledescription="pixel map"
        aria-label={label}
        aria-description="Arrow keys move, with Shift they select an area. Enter opens the cell, C selects its column, R its row. Plus, minus and zero zoom, Escape clears."
        onPointerDownCapture={onPointerDownCapture}
        onPointerMove={onPointerMove}
        onPointerUp={onPointerUp}
        onPointerCancel={() => {
          brush.value = null;
        }}
        onPointerLeave={() => {
          pointed.value = null;
        }}
        onClick={onClick}
        onKeyDown={onKeyDown}
        onFocus={onFocus}
        onBlur={() => {
          focused.value = false;
        }}
      >
        <canvas ref={mapCanvas} />
        <canvas ref={overlayCanvas} />
        {opened.value && (
          <div
            ref={anchor}
            class="kernel-anchor"
            style={boxStyle(project().box(cellsRectangle(map, opened.value)), size)}
          />
        )}
      </div>
      <div class="visually-hidden" aria-live="polite">
        {said.value}
      </div>
      {read && <ReadOut {...{ map, camera, drawing, shown, surface }} weight={read} />}
      <WheelHint camera={camera} />
      <Tooltip anchor={strip ? stripBox(project(), strip, surface.current) : null}>
        {strip && <StripCard map={map} {...strip} />}
      </Tooltip>
      {opened.value && (
        <KernelCard
          key={`${opened.value.row} ${opened.value.column}`}
          map={map}
          cell={opened.value}
          anchor={anchor}
          onClose={close}
        />
      )}
    </div>
  );
}

const START: Place = { row: 0, column: 0 };

function shortWord(word: string): string {
  return word.split(' ')[0] ?? word;
}

function isWhole(canvases: Record<keyof Canvases, HTMLCanvasElement | null>): canvases is Canvases {
  return Object.values(canvases).every((canvas) => canvas !== null);
}
