const DARK_CLASS = 'dark-mode';

/**
 * Follows TensorBoard's switch, which is a class on the body of its page; the system's preference
 * where that page cannot be seen. Calls back at once, and returns a function that stops.
 */
export function watchDarkMode(host: Window, onChange: (dark: boolean) => void): () => void {
  return host === window ? watchPreference(onChange) : watchBody(host.document.body, onChange);
}

function watchBody(body: HTMLElement, onChange: (dark: boolean) => void): () => void {
  const read = () => onChange(body.classList.contains(DARK_CLASS));
  const observer = new MutationObserver(read);
  observer.observe(body, { attributes: true, attributeFilter: ['class'] });
  read();
  return () => observer.disconnect();
}

function watchPreference(onChange: (dark: boolean) => void): () => void {
  const query = window.matchMedia('(prefers-color-scheme: dark)');
  const read = () => onChange(query.matches);
  query.addEventListener('change', read);
  read();
  return () => query.removeEventListener('change', read);
}
