import { useEffect, useRef, useState } from 'preact/hooks';
import { textWidth } from '../../elements/fit-text';
import type { LayoutResult, Size } from '../../workers/layout/types';
import { type Face, frameDepth, frameTitle, TITLE_SIZE } from './faces';
import { LayoutClient } from './layout-client';
import type { Network } from './types';
import type { Visible } from './visible';

export interface LayoutState {
  /** The drawing, with what it is a drawing of; null before the first is ready. */
  readonly drawn: {
    readonly layout: LayoutResult;
    readonly network: Network;
    readonly visible: Visible;
    readonly faces: ReadonlyMap<string, Face>;
  } | null;
  /** Why there is none, in words for the page. */
  readonly problem: string | null;
}

/** A panel that is being resized is laid out again in steps, not at every pixel. */
const ROOM_STEP = 24;
const PADDING = 28;

function roomOf({ width, height }: Size): Size {
  const whole = (length: number): number =>
    Math.max(ROOM_STEP * 8, Math.floor((length - PADDING) / ROOM_STEP) * ROOM_STEP);
  return { width: whole(width), height: whole(height) };
}

/** Lays the visible network out in the worker; the old drawing stays until the new one is ready. */
export function useLayout(
  network: Network | null,
  visible: Visible | null,
  faces: ReadonlyMap<string, Face> | null,
  size: Size | null,
): LayoutState {
  const client = useRef<LayoutClient | null>(null);
  const [state, setState] = useState<LayoutState>({ drawn: null, problem: null });
  const room = size && roomOf(size);

  useEffect(
    () => () => {
      client.current?.close();
      client.current = null;
    },
    [],
  );

  useEffect(() => {
    if (!network || !visible || !faces || !room || visible.boxes.length === 0) {
      setState({ drawn: null, problem: null });
      return;
    }
    let wanted = true;
    client.current ??= new LayoutClient();
    const input = {
      boxes: [...faces.values()].map(({ id, parent, width, height }) => ({
        id,
        parent,
        width,
        height,
      })),
      frames: visible.frames
        .map(({ name, parent }) => ({
          id: name,
          parent,
          titleWidth: 30 + textWidth(frameTitle(network, name).name, TITLE_SIZE),
        }))
        .sort((left, right) => frameDepth(network, left.id) - frameDepth(network, right.id)),
      links: visible.links,
      room,
    };
    client.current
      .layout(input)
      .then(
        (layout) =>
          wanted && setState({ drawn: { layout, network, visible, faces }, problem: null }),
      )
      .catch((error: Error) => wanted && setState({ drawn: null, problem: error.message }));
    return () => {
      wanted = false;
    };
  }, [network, visible, faces, room?.width, room?.height]);

  return state;
}
