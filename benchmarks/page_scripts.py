"""What `page_speed` runs in the pages that it measures: JavaScript, to be evaluated there."""

DEEP = """
window.deep = (tag, root = document) => [...root.querySelectorAll('*')].flatMap((element) => [
  ...(element.localName === tag ? [element] : []),
  ...(element.shadowRoot ? window.deep(tag, element.shadowRoot) : []),
]);
window.has = (element, tag) => window.deep(tag, element.shadowRoot ?? element).length > 0;
"""
"""TensorBoard's own page is made of elements in elements' shadows."""
MARKS = (
    DEEP
    + """
addEventListener('DOMContentLoaded', () => {
  const marks = (window.marks = {}), now = () => performance.timeOrigin + performance.now();
  window.longest = 0;
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries())
      window.longest = Math.max(window.longest, duration);
  }).observe({ type: 'longtask', buffered: true });
  const found = (selector) => document.querySelector(selector) !== null;
  const states = {
    layers: () => found('.net-table tr[data-row]') || found('.net-body'),
    distribution: () => found('[data-panel=distribution] svg :is(path, rect)'),
    map: () => found('.kernel-stage[data-complete=true]'),
    complete: () => marks.layers && marks.distribution && marks.map && !found('[data-busy]'),
    tags: () => location.hash === '#histograms' && window.deep('tf-histogram-loader').length > 0,
    histograms: () => marks.tags && window.deep('vz-histogram-timeseries').length > 0 &&
      window.deep('vz-histogram-timeseries').some((one) => window.has(one, 'path')),
  };
  const look = () => {
    for (const [name, is] of Object.entries(states))
      if (!marks[name] && is()) marks[name] = now();
    if (!marks.complete && !marks.histograms) requestAnimationFrame(look);
  };
  look();
});
"""
)
TOP = """async () => {
  document.querySelector('.net-table-scroll').scrollTop = 0;
  for (let i = 0; i < 3; i += 1) await new Promise(requestAnimationFrame);
  return [...document.querySelectorAll('[data-row]')]
    .filter((row) => /\\d/.test(row.querySelector('.net-number')?.textContent))
    .map((row) => row.dataset.row);
}"""
CLICK_LAYER = """async (name) => {
  const row = document.querySelector(`[data-row="${CSS.escape(name)}"]`);
  const panel = (view) => document.querySelector(`[data-panel=${view}]`);
  const subtitle = (view) => panel(view)?.querySelector('.panel-subtitle')?.textContent ?? '';
  const still = (view) => !panel(view)?.querySelector('.panel-busy');
  const views = {
    network: () => subtitle('network').startsWith(`${name} `),
    distribution: () => subtitle('distribution').startsWith(`${name} `) && still('distribution'),
    map: () => subtitle('convolution').startsWith(`${name}/`) &&
      document.querySelector('.kernel-stage')?.dataset.complete === 'true',
  };
  const start = performance.now(), found = {};
  row.dispatchEvent(new MouseEvent('click', { bubbles: true }));
  while (Object.keys(found).length < 3 && performance.now() - start < 5000) {
    await new Promise(requestAnimationFrame);
    for (const [view, is] of Object.entries(views)) if (!(view in found) && is()) found[view] = 0;
    await new Promise(requestAnimationFrame);
    for (const view in found) found[view] ||= performance.now() - start;
  }
  return found;
}"""
CLICK_TAGS = """async () => {
  const drawn = () =>
    window.deep('vz-histogram-timeseries').filter((one) => window.has(one, 'path'));
  const views = window.deep('tf-category-paginated-view');
  const within = (view) => view.shadowRoot ?? view;
  const next = views.flatMap((view) => window.deep('paper-button', within(view)))
    .filter((one) => /next/i.test(one.textContent) && one.offsetParent && !one.disabled);
  const closed = views.filter((view) => !within(view).querySelector('.heading[open-button]'));
  const target = next[0] ?? (closed[0] && within(closed[0]).querySelector('.heading'));
  if (!target) return null;
  target.scrollIntoView({ block: 'center' });
  for (let i = 0; i < 3; i += 1) await new Promise(requestAnimationFrame);
  const before = new Set(drawn().flatMap((one) => window.deep('path', one.shadowRoot ?? one)));
  const start = performance.now();
  const { left, top, height } = target.getBoundingClientRect();
  for (const kind of ['mousedown', 'mouseup', 'click'])
    target.dispatchEvent(new MouseEvent(kind, { bubbles: true, composed: true, cancelable: true,
      view: window, clientX: left + 9, clientY: top + height / 2 }));
  while (performance.now() - start < 5000) {
    await new Promise(requestAnimationFrame);
    const paths = drawn().flatMap((one) => window.deep('path', one.shadowRoot ?? one));
    if (!paths.some((path) => !before.has(path))) continue;
    await new Promise(requestAnimationFrame);
    return performance.now() - start;
  }
  return null;
}"""
PAN = """async () => {
  const svg = document.querySelector('.net-svg');
  svg.setPointerCapture = () => {};
  const { left, top } = svg.getBoundingClientRect();
  const fire = (kind, x) => svg.dispatchEvent(new PointerEvent(kind, {
    bubbles: true, button: 0, pointerId: 7, isPrimary: true,
    clientX: left + x, clientY: top + 60 }));
  const times = [];
  fire('pointerdown', 200);
  for (let i = 0; i < 60; i += 1) {
    const start = performance.now();
    fire('pointermove', 200 + 3 * i);
    await new Promise(requestAnimationFrame);
    times.push(performance.now() - start);
  }
  fire('pointerup', 380);
  return times;
}"""
BARS = """async (bars) => {
  const input = document.querySelector('[data-panel=distribution] input');
  const start = performance.now();
  input.value = String(bars);
  for (const kind of ['input', 'change', 'blur'])
    input.dispatchEvent(new Event(kind, { bubbles: true }));
  const drawn = () => document.querySelector('[data-panel=distribution] svg path[data-level]')
    ?.getAttribute('d');
  const before = drawn();
  while (performance.now() - start < 20000) {
    await new Promise(requestAnimationFrame);
    const busy = document.querySelector('[data-panel=distribution] .panel-busy');
    if (!busy && drawn() !== before) break;
  }
  return performance.now() - start;
}"""
REDRAW = """async () => {
  const panel = document.querySelector('[data-panel=network]');
  const press = (name) => [...panel.querySelectorAll('button')]
    .find((button) => button.textContent.trim() === name)?.click();
  const until = async (is) => { while (!is()) await new Promise(requestAnimationFrame); };
  press('Table');
  await until(() => panel.querySelector('.net-table'));
  const start = performance.now();
  press('Diagram');
  await until(() => panel.querySelector('.net-body'));
  await new Promise(requestAnimationFrame);
  return performance.now() - start;
}"""
