import type { RefObject } from 'preact';
import { useEffect } from 'preact/hooks';
import { GUTTER } from '../../scales/steps';
import { columnCount, panColumns, zoomBy } from '../../state/training-zoom';
import { axisWidth, SECTION_EDGE, stepUnder } from './scale';

const SPEED = 0.0022;
const LINE_HEIGHT = 16;
/** Of one frame, as the exponent of e: a wheel's notch with Ctrl is no pinch of 100 px. */
const MOST = 0.4;

/** Over the charts, Ctrl or Cmd with the wheel zooms about the pointer, Shift with it pans. */
export function useWheel(element: RefObject<HTMLElement | null>): void {
  useEffect(() => {
    const target = element.current;
    if (target === null) return;
    let [zoom, pan, frame] = [0, 0, 0];
    let pointer = 0;
    const act = (): void => {
      frame = 0;
      if (zoom !== 0) zoomBy(Math.exp(Math.max(-MOST, Math.min(MOST, zoom))), stepUnder(pointer));
      const columns = Math.trunc(pan / Math.max(1e-9, columnWidth()));
      if (columns !== 0) panColumns(columns);
      pan -= columns * columnWidth();
      zoom = 0;
    };
    const onWheel = (event: WheelEvent): void => {
      const unit = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? LINE_HEIGHT : 1;
      const left = target.getBoundingClientRect().left + SECTION_EDGE + GUTTER;
      const x = event.clientX - left;
      const zooms = event.ctrlKey || event.metaKey;
      const sideways = event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY);
      if (x < 0 || x > axisWidth.peek() || (!zooms && !sideways)) return;
      event.preventDefault();
      pointer = x;
      if (zooms) zoom -= event.deltaY * unit * SPEED;
      else pan += (event.deltaX || event.deltaY) * unit;
      frame ||= requestAnimationFrame(act);
    };
    target.addEventListener('wheel', onWheel, { passive: false });
    return () => {
      target.removeEventListener('wheel', onWheel);
      cancelAnimationFrame(frame);
    };
  }, [element]);
}

function columnWidth(): number {
  return axisWidth.peek() / columnCount.peek();
}
