/** The card beside what is pointed at; it goes with the map, and away where that is off screen. */
import type { JSX, RefObject } from 'preact';
import type { KernelMap } from '../../client/types';
import { Tooltip } from '../../elements/Tooltip';
import type { Camera } from '../../render/camera';
import { type Place, Projection, screenBox } from './geometry';
import { HoverCard } from './HoverCard';
import type { MapDrawing } from './MapDrawing';
import type { Shown } from './quantities';

export interface ReadOutProps {
  readonly map: KernelMap;
  readonly camera: Camera;
  readonly drawing: MapDrawing;
  readonly shown: Shown;
  readonly weight: Place;
  readonly surface: RefObject<HTMLElement | null>;
}

export function ReadOut({ camera, surface, ...about }: ReadOutProps): JSX.Element {
  const projection = new Projection(about.map, camera.view.value);
  const box = screenBox(projection, about.weight, surface.current);
  return (
    <Tooltip anchor={box && isSeen(box, surface.current) ? box : null}>
      <HoverCard {...about} projection={projection} />
    </Tooltip>
  );
}

function isSeen(
  { x, y, width, height }: NonNullable<ReturnType<typeof screenBox>>,
  surface: HTMLElement | null,
): boolean {
  const around = surface?.getBoundingClientRect();
  if (!around) return false;
  const across = x < around.right && x + width > around.left;
  return across && y < around.bottom && y + height > around.top;
}
