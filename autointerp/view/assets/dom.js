/** Elements made from text, never from markup: every string enters the page as a text node. */

const SVG_NAMESPACE = 'http://www.w3.org/2000/svg';

/**
 * An HTML element. Of `props`, functions are listeners (`click`), `vars` sets CSS variables, `class` and all else are attributes;
 * null, undefined and false leave an attribute out. Children are nodes, strings, numbers or nested lists of them.
 */
export function el(tag, props, ...children) {
  return furnished(document.createElement(tag), props, children);
}

/** As `el`, in the namespace of drawings. */
export function svg(tag, props, ...children) {
  return furnished(document.createElementNS(SVG_NAMESPACE, tag), props, children);
}

function furnished(element, props, children) {
  for (const [name, value] of Object.entries(props || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === 'function') element.addEventListener(name, value);
    else if (name === 'vars') for (const [key, one] of Object.entries(value)) element.style.setProperty(key, one);
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  append(element, children);
  return element;
}

function append(element, children) {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    if (Array.isArray(child)) append(element, child);
    else element.append(child instanceof Node ? child : String(child));
  }
}

/** Text that only a screen reader meets. */
export function aside(text) {
  return el('span', {class: 'sr'}, text);
}

/** A titled part of a page: `<section>` with a heading of the given level, named by it. */
export function section(id, title, ...children) {
  return el('section', {'aria-labelledby': id}, el('h2', {id}, title), children);
}

const scrollWatch = new ResizeObserver((entries) => {
  for (const {target} of entries) {
    if (target.scrollWidth > target.clientWidth || target.scrollHeight > target.clientHeight) target.tabIndex = 0;
    else target.removeAttribute('tabindex');
  }
});

/** An element that may scroll by itself: the tab key stops at it only while it does. */
export function scroller(tag, kind, label, ...children) {
  const element = el(tag, {class: kind, role: 'group', 'aria-label': label}, children);
  scrollWatch.observe(element);
  return element;
}

/** A table of plain rows; `heads` are [text, isNumber, hint], `rows` are lists of cells (nodes or text), the first one heads its row. */
export function plainTable(caption, heads, rows) {
  const cell = (content, i) => el(i ? 'td' : 'th', {class: heads[i][1] ? 'n' : null, scope: i ? null : 'row'}, content);
  return scroller('div', 'wide', caption, el('table', {},
    el('caption', {class: 'sr'}, caption),
    el('thead', {}, el('tr', {}, heads.map(([text, isNumber, hint]) => el('th', {class: isNumber ? 'n' : null, scope: 'col', title: hint}, text)))),
    el('tbody', {}, rows.map((cells) => el('tr', {}, cells.map(cell))))));
}

/** Names beside values; rows without a value are left out. */
export function facts(rows) {
  return el('dl', {class: 'facts'}, rows.filter(([, value]) => value !== null && value !== undefined && value !== '')
    .map(([name, value]) => [el('dt', {}, name), el('dd', {}, value)]));
}

/** A labelled choice; `options` are [value, text]. */
export function choice(label, name, options, value, changed) {
  const select = el('select', {name, change: (event) => changed(event.target.value)},
    options.map(([key, text]) => el('option', {value: key, selected: key === value}, text)));
  return el('label', {class: 'field'}, el('span', {}, label), select);
}
