/** Styles go in through constructed sheets, which no content security policy of the host forbids. */
const adopted = new Set<string>();

/** Adds a style sheet to the page, once. Every component calls it with its own `?inline` CSS. */
export function adoptStyles(css: string): void {
  if (adopted.has(css)) return;
  adopted.add(css);
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
}
