/** Draws the stage, at most once per frame, from the selection and what the stage points at. */

import type { KernelMap, KernelPlaces } from '../../client/types';
import type { Camera } from '../../render/camera';
import type { Theme } from '../../scales/color';
import { channelStrip } from '../../state/probing';
import { latest } from '../../state/resources';
import { area, channel, filters } from '../../state/selection';
import {
  inverse,
  LEFT,
  type Place,
  Projection,
  runsOf,
  type Size,
  stripsAt,
  TOP,
} from './geometry';
import type { MapDrawing } from './MapDrawing';
import { drawOverlay, isEmpty, type Overlay } from './overlay';
import { prepare } from './paint';
import { type Palette, readPalette } from './palette';
import type { Shown } from './quantities';
import { drawStrip } from './strips';

export interface Canvases {
  readonly map: HTMLCanvasElement;
  readonly overlay: HTMLCanvasElement;
  readonly top: HTMLCanvasElement;
  readonly left: HTMLCanvasElement;
}

export interface StripPoint {
  readonly side: 'top' | 'left';
  readonly place: number;
}

/** What the stage itself points at. */
export interface Pointing {
  readonly pointed: Place | null;
  readonly cursor: Place | null;
  readonly opened: Place | null;
  readonly brush: readonly [Place, Place] | null;
  readonly strip: StripPoint | null;
}

export interface Scene {
  readonly map: KernelMap;
  readonly size: Size;
  readonly shown: Shown;
  readonly theme: Theme;
  readonly places: KernelPlaces | null;
}

export class StagePainter {
  canvases: Canvases | null = null;
  scene: Scene | null = null;
  pointing: () => Pointing = () => NOWHERE;
  private frame: number | null = null;
  private mapIsDue = false;
  /** What is under the pointer comes and goes; an empty canvas is left alone. */
  private overlayIsClear = false;
  private palette: { readonly of: Theme; readonly colors: Palette } | null = null;
  private inverses: { of: KernelPlaces; rows: Int32Array; columns: Int32Array } | null = null;

  constructor(
    private readonly stage: HTMLElement,
    private readonly camera: Camera,
    private readonly drawing: MapDrawing,
  ) {}

  /** Asks for the tiles of the scene, unless a new one is about to be set. */
  ask(): void {
    const { drawing, scene } = this;
    if (!scene || drawing.source?.map !== scene.map) return;
    drawing.ask(new Projection(scene.map, this.camera.view.peek()), scene.size);
  }

  redraw(what: 'map' | 'overlay'): void {
    if (what === 'map') this.mapIsDue = true;
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.paint();
    });
  }

  dispose(): void {
    if (this.frame !== null) cancelAnimationFrame(this.frame);
    this.frame = null;
    this.canvases = null;
  }

  private paint(): void {
    const { canvases, scene } = this;
    if (!canvases || !scene) return;
    const { map, size, shown, theme } = scene;
    const projection = new Projection(map, this.camera.view.peek());
    const palette = this.colors(theme);
    const edges = stripsAt(projection.view);
    this.stage.style.setProperty('--strips-x', `${edges.x}px`);
    this.stage.style.setProperty('--strips-y', `${edges.y}px`);
    const common = { projection, size, palette, theme };
    if (this.mapIsDue) {
      this.mapIsDue = false;
      const more = this.drawing.draw(canvases.map, { ...common, shown });
      this.stage.dataset.complete = String(!more && this.drawing.isComplete);
      if (more) this.redraw('map');
    }
    const pointing = this.pointing();
    const weight = pointing.pointed ?? pointing.cursor;
    const cell = weight && projection.cellOf(weight);
    const runs = this.filterRuns(scene);
    const [column, row] = [this.channelPlace(scene, 'output'), this.channelPlace(scene, 'input')];
    const strips = latest(channelStrip.peek());
    const known = strips?.layer === map.layer ? strips : null;
    const { strip } = pointing;
    const top = prepare(canvases.top, size.width, TOP);
    if (top) {
      drawStrip(top, {
        ...common,
        side: 'top',
        order: map.columns_by,
        indices: scene.places?.columns ?? null,
        values: map.columns_are_channels ? filled(known?.outputs) : null,
        runs,
        channel: column,
        pointed: strip?.side === 'top' ? strip.place : (cell?.column ?? null),
      });
    }
    const left = prepare(canvases.left, LEFT, size.height);
    if (left) {
      drawStrip(left, {
        ...common,
        side: 'left',
        order: map.rows_by,
        indices: scene.places?.rows ?? null,
        values: map.rows_are_channels ? filled(known?.inputs) : null,
        runs: [],
        channel: row,
        pointed: strip?.side === 'left' ? strip.place : (cell?.row ?? null),
      });
    }
    const over: Overlay = {
      ...common,
      ...pointing,
      filterRuns: runs,
      channelColumn: column,
      channelRow: row,
      area: area.peek(),
    };
    if (isEmpty(over) && this.overlayIsClear) return;
    const context = prepare(canvases.overlay, size.width, size.height);
    if (!context) return;
    drawOverlay(context, over);
    this.overlayIsClear = isEmpty(over);
  }

  private colors(theme: Theme): Palette {
    if (this.palette?.of !== theme) {
      this.palette = { of: theme, colors: readPalette(this.stage) };
    }
    return this.palette.colors;
  }

  private filterRuns(scene: Scene): [number, number][] {
    const { columns } = this.inverse(scene.places) ?? {};
    const places = filters.peek().map((filter) => columns?.[filter] ?? filter);
    const known = places.filter((place) => place < scene.map.columns);
    return runsOf(known.sort((x, y) => x - y));
  }

  private channelPlace(scene: Scene, side: 'input' | 'output'): number | null {
    const { map, places } = scene;
    const chosen = channel.peek();
    if (chosen?.side !== side) return null;
    if (!(side === 'output' ? map.columns_are_channels : map.rows_are_channels)) return null;
    const known = this.inverse(places);
    return (side === 'output' ? known?.columns : known?.rows)?.[chosen.index] ?? chosen.index;
  }

  private inverse(places: KernelPlaces | null) {
    if (places === null) return null;
    if (this.inverses?.of !== places) {
      this.inverses = {
        of: places,
        rows: inverse(places.rows),
        columns: inverse(places.columns),
      };
    }
    return this.inverses;
  }
}

const NOWHERE: Pointing = { pointed: null, cursor: null, opened: null, brush: null, strip: null };

function filled(values: readonly (number | null)[] | undefined) {
  return values && values.length > 0 ? values : null;
}
