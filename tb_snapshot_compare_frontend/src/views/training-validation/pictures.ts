/** Where small pictures lie in the gutter, side by side and below one another. */

export interface PicturePlace {
  /** Of the images of the class, in the order of its pixel chart. */
  readonly row: number;
  readonly x: number;
  readonly y: number;
  readonly size: number;
}

export interface PicturePlaces {
  readonly places: readonly PicturePlace[];
  /** How many have no room, and where that is said. */
  readonly more: { readonly count: number; readonly x: number; readonly y: number } | null;
}

const SIZE = 22;
const GAP = 3;
const ACROSS = 6;
/** Their right edge is that of the gutter's other pictures. */
const LEFT = 36;

/** As many as a height has room for; the last place says how many more there are. */
export function placePictures(images: number, height: number): PicturePlaces {
  const pitch = SIZE + GAP;
  const room = ACROSS * Math.max(0, Math.floor((height + GAP) / pitch));
  const at = (index: number) => ({
    x: LEFT + (index % ACROSS) * pitch,
    y: Math.floor(index / ACROSS) * pitch,
  });
  const shown = images <= room ? images : Math.max(0, room - 1);
  const places = Array.from({ length: shown }, (_, row) => ({ row, ...at(row), size: SIZE }));
  const left = images - shown;
  return { places, more: left > 0 && room > 0 ? { count: left, ...at(shown) } : null };
}
