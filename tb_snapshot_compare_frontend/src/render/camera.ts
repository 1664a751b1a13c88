/**
 * Panning and zooming for SVG and canvas views: wheel, drag, pinch and keys. The view reads
 * `camera.view` and draws; the camera never touches what is drawn.
 */
import { type Signal, signal } from '@preact/signals';

/** Screen = content * scale + (x, y), in CSS px. */
export interface View {
  readonly x: number;
  readonly y: number;
  readonly scale: number;
}

export interface Extent {
  readonly width: number;
  readonly height: number;
}

interface Box extends Extent {
  readonly x: number;
  readonly y: number;
}

export interface CameraOptions {
  readonly minScale: number;
  readonly maxScale: number;
  /** Part of the content that always stays on screen, in px. */
  readonly keepVisible?: number;
  /** Never shows more beyond the content than at the smallest scale, where it lies in the middle. */
  readonly contained?: boolean;
}

/** Pointer moves below this are clicks. */
const DRAG_THRESHOLD = 4;
const WHEEL_SPEED = 0.0018;
/** Of one event, as the exponent of e: a wheel's notch with Ctrl is no pinch of 100 px. */
const WHEEL_MOST = 0.36;
const LINE_HEIGHT = 16;
const KEY_ZOOM = 1.25;
const KEY_PAN = 60;

const clamp = (value: number, low: number, high: number): number =>
  Math.min(Math.max(value, low), Math.max(low, high));

/** The part of the room that the content fills at its smallest stays filled. */
function covering(offset: number, size: number, smallest: number, room: number): number {
  const free = Math.max(0, (room - smallest) / 2);
  return clamp(offset, room - free - size, free);
}

/** Whether the page, or a part of it around the element, can be scrolled up and down. */
function isInScrolled(element: Element): boolean {
  for (let around = element.parentElement; around !== null; around = around.parentElement) {
    if (around.scrollHeight <= around.clientHeight + 1) continue;
    if (around === document.scrollingElement) return true;
    if (/auto|scroll/.test(getComputedStyle(around).overflowY)) return true;
  }
  return false;
}

export class Camera {
  readonly view: Signal<View> = signal({ x: 0, y: 0, scale: 1 });
  /** True while a drag or pinch is under way: what follows it is not a click. */
  readonly moving: Signal<boolean> = signal(false);
  /** Turns of the wheel that were left to the page. */
  readonly leftToPage: Signal<number> = signal(0);
  /** Whether the view is still as `fit` or `fitWidth` left it. */
  fitted = false;
  private minScale: number;
  private maxScale: number;
  private content: Extent = { width: 1, height: 1 };
  private viewport: Extent = { width: 1, height: 1 };
  private readonly pointers = new Map<number, { x: number; y: number }>();
  private travelled = 0;

  constructor(private readonly options: CameraOptions) {
    this.minScale = options.minScale;
    this.maxScale = options.maxScale;
  }

  /** For content whose useful scales depend on it and on the viewport. */
  limitScale(least: number, most: number): void {
    this.minScale = least;
    this.maxScale = most;
  }

  /** The viewport. */
  get room(): Extent {
    return this.viewport;
  }

  setContent(content: Extent): void {
    this.content = content;
  }

  setViewport(viewport: Extent): void {
    this.viewport = viewport;
  }

  /** Shows all content, never larger than `maxScale`. */
  fit(padding: number, maxScale = 1): void {
    this.fitted = true;
    const scale = this.clampScale(
      Math.min(
        maxScale,
        (this.viewport.width - 2 * padding) / this.content.width,
        (this.viewport.height - 2 * padding) / this.content.height,
      ),
    );
    this.view.value = {
      scale,
      x: (this.viewport.width - this.content.width * scale) / 2,
      y: (this.viewport.height - this.content.height * scale) / 2,
    };
  }

  /** Shows the full width from the top, for content that is too tall to read as a whole. */
  fitWidth(padding: number, maxScale = 1): void {
    this.fitted = true;
    const wanted = Math.min(maxScale, (this.viewport.width - 2 * padding) / this.content.width);
    const scale = this.clampScale(wanted);
    const x = (this.viewport.width - this.content.width * scale) / 2;
    this.view.value = { scale, x, y: padding };
  }

  /** Zooms about a point of the screen, the centre by default. */
  zoomBy(factor: number, at?: { readonly x: number; readonly y: number }): void {
    const { x, y, scale } = this.view.value;
    const next = this.clampScale(scale * factor);
    const point = at ?? { x: this.viewport.width / 2, y: this.viewport.height / 2 };
    const ratio = next / scale;
    this.move({
      scale: next,
      x: point.x - (point.x - x) * ratio,
      y: point.y - (point.y - y) * ratio,
    });
  }

  panBy(dx: number, dy: number): void {
    const { x, y, scale } = this.view.peek();
    this.move({ scale, x: x + dx, y: y + dy });
  }

  /** Pans as little as brings a box of the content on screen. */
  reveal(box: Box, padding: number): void {
    const { x, y, scale } = this.view.peek();
    const shift = (start: number, size: number, room: number): number => {
      const end = start + size;
      if (size > room - 2 * padding || start < padding) return padding - start;
      return end > room - padding ? room - padding - end : 0;
    };
    const dx = shift(box.x * scale + x, box.width * scale, this.viewport.width);
    const dy = shift(box.y * scale + y, box.height * scale, this.viewport.height);
    if (Math.abs(dx) >= 1 || Math.abs(dy) >= 1) this.panBy(dx, dy);
  }

  /** Listens on the element that shows the view; returns what ends it. */
  attach(element: HTMLElement | SVGElement): () => void {
    const stop = new AbortController();
    const { signal: aborted } = stop;
    const listen = <K extends keyof HTMLElementEventMap>(
      type: K,
      handle: (event: HTMLElementEventMap[K]) => void,
      options: AddEventListenerOptions = {},
    ): void =>
      element.addEventListener(type, handle as EventListener, { signal: aborted, ...options });
    listen('wheel', (event) => this.onWheel(event, element), { passive: false });
    listen('pointerdown', (event) => this.onDown(event));
    listen('pointermove', (event) => this.onMove(event, element));
    listen('pointerup', (event) => this.onUp(event));
    listen('pointercancel', (event) => this.onUp(event));
    listen('lostpointercapture', (event) => this.onUp(event));
    return () => stop.abort();
  }

  /** `+`, `-` zoom, Shift with an arrow pans; true when the key was taken. `0` is the view's. */
  onKey(event: KeyboardEvent): boolean {
    if (event.ctrlKey || event.metaKey || event.altKey) return false;
    if (event.key === '+' || event.key === '=') this.zoomBy(KEY_ZOOM);
    else if (event.key === '-') this.zoomBy(1 / KEY_ZOOM);
    else if (event.shiftKey && event.key === 'ArrowLeft') this.panBy(KEY_PAN, 0);
    else if (event.shiftKey && event.key === 'ArrowRight') this.panBy(-KEY_PAN, 0);
    else if (event.shiftKey && event.key === 'ArrowUp') this.panBy(0, KEY_PAN);
    else if (event.shiftKey && event.key === 'ArrowDown') this.panBy(0, -KEY_PAN);
    else return false;
    event.preventDefault();
    return true;
  }

  private clampScale(scale: number): number {
    return clamp(scale, this.minScale, this.maxScale);
  }

  /** Shows this part, as far as the limits allow. */
  move({ x, y, scale }: View): void {
    this.fitted = false;
    if (this.options.contained) {
      const { content, viewport, minScale } = this;
      this.view.value = {
        scale,
        x: covering(x, content.width * scale, content.width * minScale, viewport.width),
        y: covering(y, content.height * scale, content.height * minScale, viewport.height),
      };
      return;
    }
    const keep = this.options.keepVisible ?? 60;
    const limit = (offset: number, size: number, room: number): number => {
      const kept = Math.min(keep, size * scale);
      return clamp(offset, kept - size * scale, room - kept);
    };
    this.view.value = {
      scale,
      x: limit(x, this.content.width, this.viewport.width),
      y: limit(y, this.content.height, this.viewport.height),
    };
  }

  /**
   * The page scrolls on when the view cannot zoom any further; where it scrolls at all, zooming
   * takes Ctrl or Meta, or nobody would get past the view.
   */
  private onWheel(event: WheelEvent, element: Element): void {
    const delta =
      event.deltaMode === WheelEvent.DOM_DELTA_LINE ? event.deltaY * LINE_HEIGHT : event.deltaY;
    if (event.shiftKey) {
      event.preventDefault();
      this.panBy(-(event.deltaX || event.deltaY), 0);
      return;
    }
    const zooms = event.ctrlKey || event.metaKey;
    if (!zooms && isInScrolled(element)) {
      this.leftToPage.value += 1;
      return;
    }
    const speed = event.ctrlKey ? WHEEL_SPEED * 5 : WHEEL_SPEED;
    const factor = Math.exp(-clamp(delta * speed, -WHEEL_MOST, WHEEL_MOST));
    const before = this.view.value.scale;
    if (this.clampScale(before * factor) === before) return;
    event.preventDefault();
    const box = element.getBoundingClientRect();
    this.zoomBy(factor, { x: event.clientX - box.left, y: event.clientY - box.top });
  }

  private onDown(event: PointerEvent): void {
    if (event.button !== 0) return;
    if (this.pointers.size === 0) this.travelled = 0;
    this.pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  }

  private onMove(event: PointerEvent, element: Element): void {
    const last = this.pointers.get(event.pointerId);
    if (!last) return;
    const now = { x: event.clientX, y: event.clientY };
    const other = [...this.pointers].find(([id]) => id !== event.pointerId)?.[1];
    const [dx, dy] = [now.x - last.x, now.y - last.y];
    if (!this.moving.value) {
      this.travelled += Math.abs(dx) + Math.abs(dy);
      if (this.travelled >= DRAG_THRESHOLD) {
        this.moving.value = true;
        element.setPointerCapture(event.pointerId);
      }
    }
    this.pointers.set(event.pointerId, now);
    if (!this.moving.value) return;
    if (other) this.pinch(last, now, other, element);
    else this.panBy(dx, dy);
  }

  private pinch(
    last: { x: number; y: number },
    now: { x: number; y: number },
    fixed: { x: number; y: number },
    element: Element,
  ): void {
    const span = (point: { x: number; y: number }): number =>
      Math.max(1, Math.hypot(point.x - fixed.x, point.y - fixed.y));
    const box = element.getBoundingClientRect();
    this.panBy((now.x - last.x) / 2, (now.y - last.y) / 2);
    this.zoomBy(span(now) / span(last), {
      x: (now.x + fixed.x) / 2 - box.left,
      y: (now.y + fixed.y) / 2 - box.top,
    });
  }

  private onUp(event: PointerEvent): void {
    this.pointers.delete(event.pointerId);
    if (this.pointers.size > 0 || !this.moving.value) return;
    // The click that belongs to this drag comes right after it.
    setTimeout(() => {
      this.moving.value = false;
    });
  }
}
