/** Where the picture of a probe image of a log is, as the `src` of an image. */
export function thumbnailAddress(run: string, pictures: string, image: number): string {
  const query = new URLSearchParams({ run, pictures, image: String(image) });
  return `./training_thumbnail?${query}`;
}
