/** Styles go in through constructed sheets, which no content security policy of the host forbids. */
const adopted = new Set<string>();

/** Adds a style sheet to the page, once. Every component calls it with its own `?inline` CSS. */
export function adoptStyles(css: string): void {
  const sheet = newSheet(css);
  if (sheet) document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
}

/** Like `adoptStyles`, but before all others, which override it. */
export function adoptBaseStyles(css: string): void {
  const sheet = newSheet(css);
  if (sheet) document.adoptedStyleSheets = [sheet, ...document.adoptedStyleSheets];
}

function newSheet(css: string): CSSStyleSheet | null {
  if (adopted.has(css)) return null;
  adopted.add(css);
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  return sheet;
}
