/** The lines that record a run of Keras. */
export function callbackSnippet(logdir: string, run: string): string {
  const name = run === '' || run === '.' ? '' : `, run=${JSON.stringify(run)}`;
  return [
    'from tb_snapshot_compare import SnapshotCallback',
    '',
    `recording = SnapshotCallback(${JSON.stringify(logdir)}${name}, probe_data=(x_val, y_val))`,
    'model.fit(x, y, callbacks=[recording])',
  ].join('\n');
}
