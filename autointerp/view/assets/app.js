/** The frame around the pages, and the way from a URL to one of them. */
import {applyTheme, nextTheme, remember, remembered} from './settings.js';
import {comparePage} from './compare.js';
import {el} from './dom.js';
import {featureHash, parseRoute, routeHash} from './route.js';
import {featurePage, neighbours} from './feature.js';
import {focusRow, startKeys} from './keys.js';
import {listPage} from './listing.js';
import {listQuery} from './select.js';
import {load} from './load.js';
import {startTokenNotes} from './tokens.js';
import {textPage} from './textbox.js';
import {unpackListing} from './columns.js';
import {writtenText} from './format.js';

const LOADING_DELAY_MS = 250;
const main = el('main', {id: 'main', tabindex: -1});
const live = el('p', {class: 'sr', role: 'status'});
const data = {run: null, table: null};
let shownRoute = null;
let lastList = new URLSearchParams();

function say(text) {
  live.textContent = text;
}

/** Draw the page that the URL names. */
async function show() {
  const route = parseRoute(location.hash);
  const again = shownRoute !== null && route.page === 'feature' && shownRoute.page === 'feature' && route.feature === shownRoute.feature;
  const first = shownRoute === null;
  shownRoute = route;
  markPage(route.page);
  if (!(again && route.query.has('context'))) await draw(route, first);
  if (route === shownRoute && route.query.has('context')) goToContext(route.query.get('context'));
}

async function draw(route, first) {
  let nodes;
  const waiting = setTimeout(() => main.replaceChildren(el('p', {class: 'dim', role: 'status'}, 'Loading …')), LOADING_DELAY_MS);
  try {
    nodes = [await pageOf(route)].flat(9).filter(Boolean);
  } catch (error) {
    nodes = [el('h1', {tabindex: -1}, 'Nothing to show'), el('p', {role: 'alert'}, writtenText(error.message)), el('p', {}, el('a', {href: '#/'}, 'All features'))];
  }
  clearTimeout(waiting);
  if (route !== shownRoute) return;
  main.replaceChildren(...nodes);
  main.className = `page-${route.page}`;
  const heading = main.querySelector('h1');
  document.title = `${heading ? heading.textContent : ''} · ${data.run ? data.run.title : 'autointerp'}`;
  if (first) return;
  scrollTo(0, 0);
  if (heading) heading.focus({preventScroll: true});
}

function pageOf(route) {
  const {run, table} = data;
  if (route.page === 'list') {
    lastList = route.query;
    return listPage(run, table, route.query, say);
  }
  if (route.page === 'feature') return featurePage(run, table, route.feature, route.query);
  if (route.page === 'compare') return comparePage(run, route.query);
  if (route.page === 'text') return textPage(run, table, route.query, say);
  throw new Error('There is no such page.');
}

function goToContext(number) {
  const row = /^\d+$/.test(number) ? document.getElementById(`context-${number}`) : null;
  if (!row) return;
  row.closest('details').open = true;
  row.scrollIntoView({block: 'center'});
  row.focus({preventScroll: true});
}

/** The frame: skip link, header with the pages, footer. */
function frameOf(run) {
  const page = (name, path, text) => el('a', {href: routeHash(path), 'data-page': name}, text);
  const theme = el('button', {type: 'button', class: 'quiet', click: () => { applyTheme(nextTheme()); remember('theme', document.documentElement.dataset.theme); nameTheme(); }});
  const nameTheme = () => {
    const now = document.documentElement.dataset.theme;
    theme.replaceChildren(el('span', {'aria-hidden': 'true'}, {auto: '◐', light: '○', dark: '●'}[now]), el('span', {class: 'wide-only'}, ` ${now}`));
    theme.setAttribute('aria-label', `Colours: ${now}`);
  };
  nameTheme();
  const help = el('button', {type: 'button', class: 'quiet', 'aria-label': 'Keyboard help', title: 'Keyboard help (?)', click: () => dialog.showModal()}, '?');
  document.body.append(el('a', {class: 'skip', href: '#main', click: (event) => { event.preventDefault(); main.focus(); }}, 'Skip to the content'),
    el('header', {class: 'top'}, el('a', {href: '#/', class: 'brand'}, writtenText(run.title)),
      el('nav', {'aria-label': 'Pages'}, page('list', '', 'Features'), run.compare ? page('compare', 'compare', 'Compare') : null, run.can_fire ? page('text', 'text', 'Text') : null),
      el('span', {class: 'tools'}, theme, help)),
    main, el('footer', {}, el('p', {class: 'dim'}, `autointerp ${document.documentElement.dataset.version || ''} · nothing on these pages comes from or goes to the network`)), live);
  const dialog = startKeys({next: () => walk(1), previous: () => walk(-1), search: focusSearch, back: goBack});
}

function markPage(name) {
  for (const link of document.querySelectorAll('header.top nav a')) {
    const here = link.dataset.page === name || (name === 'feature' && link.dataset.page === 'list');
    if (here) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
}

function walk(direction) {
  const {page, feature, query} = shownRoute;
  if (page !== 'feature') return focusRow(direction);
  const {previous, next} = neighbours(data.run, data.table, feature, query);
  const to = direction > 0 ? next : previous;
  if (to !== null) location.hash = featureHash(to, listQuery(query));
}

/** Back to the list as it was left, or as the feature's URL tells it. */
function goBack() {
  if (shownRoute.page === 'list') return;
  const query = shownRoute.page === 'feature' ? listQuery(shownRoute.query) : listQuery(lastList);
  location.hash = routeHash('', query);
}

function focusSearch() {
  const field = document.getElementById('search');
  if (field) {
    field.focus();
    field.select();
    return;
  }
  addEventListener('viewer:shown', () => document.getElementById('search')?.focus(), {once: true});
  goBack();
}

async function start() {
  applyTheme(remembered('theme', 'auto'));
  const waiting = document.getElementById('waiting');
  try {
    const [run, listing] = await Promise.all([load('run'), load('listing')]);
    Object.assign(data, {run, table: unpackListing(listing)});
  } catch (error) {
    waiting.textContent = `The run could not be shown: ${error.message}`;
    return;
  }
  waiting.remove();
  frameOf(data.run);
  startTokenNotes();
  const shown = async () => { await show(); dispatchEvent(new Event('viewer:shown')); };
  addEventListener('hashchange', shown);
  await shown();
}

start();
