import regular from '@fontsource/roboto/files/roboto-latin-400-normal.woff2?url';
import bold from '@fontsource/roboto/files/roboto-latin-500-normal.woff2?url';
import { dark } from '../state/environment';
import base from './base.css?inline';
import { adoptBaseStyles } from './styles';
import tokens from './tokens.css?inline';

export function setDark(value: boolean): void {
  document.documentElement.dataset.theme = value ? 'dark' : 'light';
  dark.value = value;
}

/** Installs tokens, base rules and Roboto, which the frame does not inherit from TensorBoard. */
export function installTheme(): void {
  adoptBaseStyles(base);
  adoptBaseStyles(tokens);
  document.documentElement.lang = 'en';
  for (const [url, weight] of [
    [regular, '400'],
    [bold, '500'],
  ] as const) {
    document.fonts.add(new FontFace('Roboto', `url("${url}") format("woff2")`, { weight }));
  }
}
