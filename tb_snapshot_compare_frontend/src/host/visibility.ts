/**
 * Whether the page is on screen. A hidden tab of TensorBoard keeps its frame, with height 0;
 * timers and animation frames go on, and `visibilityState` stays "visible".
 */
export function watchVisibility(onChange: (visible: boolean) => void): () => void {
  const read = () => onChange(window.innerHeight > 0 && document.visibilityState === 'visible');
  const observer = new ResizeObserver(read);
  observer.observe(document.documentElement);
  window.addEventListener('resize', read);
  document.addEventListener('visibilitychange', read);
  read();
  return () => {
    observer.disconnect();
    window.removeEventListener('resize', read);
    document.removeEventListener('visibilitychange', read);
  };
}
