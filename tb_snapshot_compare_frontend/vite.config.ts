import { defineConfig } from 'vite';

// TensorBoard imports one ES module by a fixed name; its CSP forbids blob: and data: scripts,
// workers and fetches, so nothing is inlined and every worker is a real file.
export default defineConfig({
  base: './',
  // Found one by one while tests run, each would reload the page under test.
  optimizeDeps: {
    include: [
      '@dagrejs/dagre',
      '@preact/signals',
      'd3-array',
      'd3-scale',
      'd3-shape',
      'preact',
      'preact/hooks',
      'preact/jsx-dev-runtime',
      'preact/jsx-runtime',
    ],
  },
  build: {
    target: 'es2022',
    outDir: '../tb_snapshot_compare/static',
    emptyOutDir: true,
    assetsDir: '.',
    assetsInlineLimit: 0,
    modulePreload: false,
    cssCodeSplit: false,
    license: { fileName: 'licenses.md' },
    sourcemap: false,
    rolldownOptions: {
      input: 'src/index.ts',
      preserveEntrySignatures: 'strict',
      output: {
        entryFileNames: 'index.js',
        chunkFileNames: 'chunk-[hash].js',
        assetFileNames: 'asset-[name]-[hash][extname]',
      },
    },
  },
  worker: {
    format: 'es',
    rolldownOptions: { output: { entryFileNames: 'worker-[name]-[hash].js' } },
  },
});
