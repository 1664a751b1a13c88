import { fileURLToPath } from 'node:url';
import { defineConfig, mergeConfig } from 'vite';
import base from '../../vite.config';

// A development page outside the bundle: `npm run dev`.
export default mergeConfig(
  base,
  defineConfig({
    root: fileURLToPath(new URL('.', import.meta.url)),
    server: { fs: { allow: [fileURLToPath(new URL('../..', import.meta.url))] } },
  }),
);
