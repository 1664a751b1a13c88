/** TensorBoard's own window, or ours where it cannot be reached (a notebook's proxy, a dev page). */
export function hostWindow(): Window {
  try {
    // Reading the document throws where the parent is of another origin.
    if (window.parent !== window && window.parent.document) return window.parent;
  } catch {
    return window;
  }
  return window;
}
