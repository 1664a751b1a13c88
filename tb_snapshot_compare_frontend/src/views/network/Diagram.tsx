/** The drawing: boxes and edges under a camera, with hover, focus and selection on top. */
import { effect, type Signal, signal, useComputed, useSignal } from '@preact/signals';
import type { RefObject } from 'preact';
import { useEffect, useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import type { Camera } from '../../render/camera';
import { carriedShares, shadeKey } from '../../state/carried';
import { announce } from '../../state/environment';
import { comparison } from '../../state/resources';
import { hoveredLayer, layer, selectLayer, toggledGroups } from '../../state/selection';
import { LARGEST_SCALE, type LayoutResult, LEAST_SCALE } from '../../workers/layout/types';
import { EdgeLayer } from './EdgeLayer';
import { FrameLayer } from './FrameLayer';
import { type Face, frameTitle } from './faces';
import { HoverCard, type Hovered } from './HoverCard';
import * as model from './model';
import { NetworkBox } from './NetworkBox';
import { boxKey, type Direction, frameKey, step, type Target, targetsOf } from './navigation';
import { Overlay } from './Overlay';
import type { Network } from './types';
import type { Visible } from './visible';
import { boxOfLayer } from './visible';

export interface DiagramProps {
  readonly layout: LayoutResult;
  readonly network: Network;
  readonly visible: Visible;
  readonly faces: ReadonlyMap<string, Face>;
  readonly size: { readonly width: number; readonly height: number };
  readonly svg: RefObject<SVGSVGElement | null>;
  readonly camera: Camera;
}

const PADDING = 14;
const HOVER_DELAY_MS = 220;
const DIRECTIONS: Readonly<Record<string, Direction>> = {
  ArrowLeft: 'left',
  ArrowRight: 'right',
  ArrowUp: 'up',
  ArrowDown: 'down',
};

/** Ask the diagram to show and focus a layer, e.g. from the search. */
export const jumpTo: Signal<string | null> = signal(null);

export function toggleGroup(name: string): void {
  const toggled = toggledGroups.value;
  toggledGroups.value = toggled.includes(name)
    ? toggled.filter((other) => other !== name)
    : [...toggled, name].sort();
}

/** The whole drawing on screen. */
export function fitAll(camera: Camera): void {
  camera.fit(PADDING, LARGEST_SCALE);
}

function startView(camera: Camera, layout: LayoutResult, size: DiagramProps['size']): void {
  camera.setContent(layout);
  camera.setViewport(size);
  const fitted = Math.min(
    (size.width - 2 * PADDING) / layout.width,
    (size.height - 2 * PADDING) / layout.height,
  );
  if (fitted >= LEAST_SCALE) fitAll(camera);
  else camera.fitWidth(PADDING, 1);
}

export function Diagram({ layout, network, visible, faces, size, svg, camera }: DiagramProps) {
  const known = useComputed(
    () => [comparison.value, shadeKey.value, carriedShares.value] as const,
  ).value;
  const values = useMemo(() => model.valuesOf(faces), [faces, ...known]);
  const content = useRef<SVGGElement>(null);
  const hovered = useSignal<Hovered | null>(null);
  const current = useSignal<string | null>(null);
  /** Where on the screen a group was that has just been opened or closed. */
  const anchor = useRef<{ name: string; x: number; y: number } | null>(null);
  /** What the camera was last set up for. */
  const shown = useRef<Visible | null>(null);
  const targets = useMemo(() => targetsOf(layout, faces), [layout, faces]);
  const byKey = useMemo(() => new Map(targets.map((target) => [target.key, target])), [targets]);

  useLayoutEffect(() => {
    const group = content.current;
    if (!group) return;
    return effect(() => {
      const { x, y, scale } = camera.view.value;
      group.setAttribute('transform', `translate(${x} ${y}) scale(${scale})`);
    });
  }, [camera]);

  useLayoutEffect(() => (svg.current ? camera.attach(svg.current) : undefined), [camera, svg]);
  useEffect(
    () =>
      effect(() => {
        if (!camera.moving.value) return;
        hovered.value = null;
      }),
    [camera, hovered],
  );

  useLayoutEffect(() => {
    const other = shown.current !== visible;
    shown.current = visible;
    camera.setContent(layout);
    camera.setViewport(size);
    const held = anchor.current;
    anchor.current = null;
    const place = held && [...layout.boxes, ...layout.frames].find(({ id }) => id === held.name);
    if (camera.fitted || (other && !place)) {
      startView(camera, layout, size);
    } else if (held && place) {
      const { x, y, scale } = camera.view.value;
      camera.panBy(held.x - (place.x * scale + x), held.y - (place.y * scale + y));
    }
    if (held) {
      const key = byKey.has(frameKey(held.name)) ? frameKey(held.name) : boxKey(held.name);
      focusKey(key, false);
    }
  }, [camera, layout, size]);

  useLayoutEffect(() => {
    if (current.value && byKey.has(current.value)) return;
    const start = model.selectedBox.value ?? layout.boxes[0]?.id;
    current.value = start ? boxKey(start) : null;
  }, [byKey]);

  useEffect(
    () =>
      effect(() => {
        const place = layout.boxes.find(({ id }) => id === model.selectedBox.value);
        if (place) camera.reveal(place, PADDING);
      }),
    [camera, layout],
  );

  const element = (key: string): SVGGElement | null =>
    svg.current?.querySelector<SVGGElement>(`[data-key="${CSS.escape(key)}"]`) ?? null;

  function focusKey(key: string, reveal = true): void {
    const target = byKey.get(key);
    if (!target) return;
    current.value = key;
    if (reveal) camera.reveal(target, 24);
    const focus = (): void => element(key)?.focus({ preventScroll: true });
    // What has just been opened or closed is not drawn yet.
    if (element(key)) focus();
    else requestAnimationFrame(focus);
  }

  useEffect(
    () =>
      effect(() => {
        const name = jumpTo.value;
        if (name === null) return;
        jumpTo.value = null;
        const box = boxOfLayer(network, visible, name);
        if (box) focusKey(byKey.has(`foot:${name}`) ? `foot:${name}` : boxKey(box));
      }),
    [byKey],
  );

  function toggle(name: string): void {
    const place = [...layout.boxes, ...layout.frames].find(({ id }) => id === name);
    const { x, y, scale } = camera.view.value;
    if (place) anchor.current = { name, x: place.x * scale + x, y: place.y * scale + y };
    hovered.value = null;
    toggleGroup(name);
    announce(`${name} ${model.open.value.has(name) ? 'opened' : 'closed'}`);
  }

  function targetOf(event: Event): Target | null {
    const node = (event.target as Element).closest<SVGElement>('[data-key]');
    return node ? (byKey.get(node.dataset.key ?? '') ?? null) : null;
  }

  function activate(target: Target): void {
    current.value = target.key;
    if (target.kind === 'frame') toggle(target.name);
    else if (network.unitOf.has(target.name) && faces.get(target.box)?.layer) {
      selectLayer(layer.value === target.name ? null : target.name);
    }
  }

  function onClick(event: MouseEvent): void {
    if (camera.moving.value) return;
    const target = targetOf(event);
    if (!target) {
      selectLayer(null);
      return;
    }
    if ((event.target as Element).closest('[data-open]')) toggle(target.name);
    else activate(target);
  }

  function onDblClick(event: MouseEvent): void {
    const target = targetOf(event);
    const isGroup = target?.kind === 'box' && faces.get(target.box)?.layer === null;
    if (target && isGroup && !(event.target as Element).closest('[data-open]')) toggle(target.name);
  }

  function onKeyDown(event: KeyboardEvent): void {
    if (event.key === '0' && !event.ctrlKey && !event.metaKey) {
      fitAll(camera);
      return;
    }
    if (camera.onKey(event)) return;
    if (event.key === 'Escape' && layer.value !== null) {
      selectLayer(null);
      event.stopPropagation();
      return;
    }
    const target = targetOf(event);
    if (!target) return;
    const direction = DIRECTIONS[event.key];
    if (direction) {
      event.preventDefault();
      const next = step(target, direction, targets, visible.links);
      if (next) focusKey(next.key);
    } else if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault();
      const isGroup = target.kind === 'frame' || faces.get(target.box)?.layer === null;
      if (isGroup) toggle(target.name);
      else activate(target);
    } else if (event.key === 'Home' || event.key === 'End') {
      event.preventDefault();
      const box = event.key === 'Home' ? layout.boxes[0] : layout.boxes.at(-1);
      if (box) focusKey(boxKey(box.id));
    }
  }

  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  function hover(node: SVGElement | null, delay: number): void {
    clearTimeout(timer.current);
    const target = node ? byKey.get(node.dataset.key ?? '') : undefined;
    const name = node?.dataset.hover ?? target?.name ?? null;
    hoveredLayer.value = name !== null && network.unitOf.has(name) ? name : null;
    if (!node || name === null) {
      hovered.value = null;
      return;
    }
    const box = target?.box ?? boxOfLayer(network, visible, name);
    hovered.value = { name, box, anchor: null };
    timer.current = setTimeout(() => {
      if (!node.isConnected || camera.moving.value) return;
      hovered.value = { name, box, anchor: node.getBoundingClientRect() };
    }, delay);
  }

  useEffect(
    () => () => {
      clearTimeout(timer.current);
      hoveredLayer.value = null;
    },
    [],
  );

  useEffect(() => {
    model.quietLinks.value = layout.edges.filter((edge) => edge.quiet).length;
    return () => {
      model.quietLinks.value = 0;
    };
  }, [layout]);

  const search = model.query.value.trim() !== '';
  const foundBoxes = useComputed(() => {
    const boxes = new Set<string>();
    const now = { network: model.network.value, visible: model.visible.value };
    if (!now.network || !now.visible) return boxes;
    for (const { name } of model.found.value) {
      const box = boxOfLayer(now.network, now.visible, name);
      if (box) boxes.add(box);
    }
    return boxes;
  });

  const closest = (event: Event): SVGElement | null =>
    (event.target as Element).closest<SVGElement>('[data-key]');
  return (
    <>
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset cannot hold a drawing */}
      <svg
        ref={svg}
        class="net-svg"
        role="group"
        aria-label="Network diagram"
        onClick={onClick}
        onDblClick={onDblClick}
        onKeyDown={onKeyDown}
        onPointerOver={(event) => hover(closest(event), HOVER_DELAY_MS)}
        onPointerLeave={() => hover(null, 0)}
        onFocusIn={(event) => {
          const target = targetOf(event);
          if (target) current.value = target.key;
          const node = closest(event);
          if (node?.matches(':focus-visible')) hover(node, 0);
        }}
        onFocusOut={() => hover(null, 0)}
      >
        <Definitions />
        <g ref={content}>
          <FrameLayer
            frames={layout.frames}
            title={(name) => frameTitle(network, name)}
            current={current}
          />
          <EdgeLayer edges={layout.edges} />
          {layout.boxes.map((place) => {
            const face = faces.get(place.id);
            return face ? (
              <NetworkBox
                key={place.id}
                face={face}
                place={place}
                metric={shadeKey.value}
                values={values}
                domainTop={model.domain.value[1]}
                color={model.color.value}
                dim={search && !foundBoxes.value.has(place.id)}
                current={current}
                selected={layer}
              />
            ) : null;
          })}
          <Overlay layout={layout} hovered={hovered} targets={targets} />
        </g>
      </svg>
      <HoverCard hovered={hovered} network={network} visible={visible} />
    </>
  );
}

function Definitions() {
  const marker = (id: string) => (
    <marker
      id={id}
      class={id}
      viewBox="0 0 8 8"
      refX={7}
      refY={4}
      markerWidth={8}
      markerHeight={8}
      markerUnits="userSpaceOnUse"
      orient="auto"
    >
      <path d="M1 1 7 4 1 7Z" />
    </marker>
  );
  return (
    <defs>
      {marker('net-arrow')}
      {marker('net-arrow-strong')}
      <pattern
        id="net-hatch"
        width={6}
        height={6}
        patternUnits="userSpaceOnUse"
        patternTransform="rotate(45)"
      >
        <rect class="net-hatch-ground" width={6} height={6} />
        <rect class="net-hatch-line" width={1.2} height={6} />
      </pattern>
    </defs>
  );
}
