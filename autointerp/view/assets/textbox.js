/** Any text: which features fire where, by the model and SAE of the running server. */
import {asCount, asFigure, tokenName, writtenText} from './format.js';
import {askFire} from './load.js';
import {el, section} from './dom.js';
import {featureHash, rewriteQuery} from './route.js';
import {featureName} from './columns.js';
import {pagedTable} from './paged.js';
import {tokenLine} from './tokens.js';

const AROUND = 12;

/** The page as a list of nodes. */
export function textPage(run, table, query, say) {
  const head = el('header', {class: 'run-head'}, el('h1', {tabindex: -1}, 'Any text'),
    el('p', {class: 'dim'}, 'Which features fire where? The model and the SAE run on this machine; nothing is sent elsewhere.'));
  if (!run.can_fire) return [head, el('p', {}, 'This page has no model at hand. “autointerp view RUN” serves the run with its model and SAE.')];
  const place = el('div', {class: 'fired', 'aria-live': 'polite'});
  const box = el('textarea', {id: 'search', name: 'text', rows: 4, maxlength: 4000, spellcheck: 'false', keydown: (event) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) fire();
  }});
  box.value = query.get('text') || '';
  const button = el('button', {type: 'button', class: 'primary', click: () => fire()}, 'See what fires');
  const fire = async () => {
    if (!box.value) return;
    query.set('text', box.value);
    rewriteQuery('text', query);
    button.disabled = true;
    place.replaceChildren(el('p', {class: 'dim'}, 'Running the model …'));
    try {
      const reply = await askFire(box.value);
      place.replaceChildren(...firedParts(reply, table));
      say(`${reply.features.length} features fire`);
    } catch (error) {
      place.replaceChildren(el('p', {class: 'bad', role: 'alert'}, writtenText(error.message)));
    }
    button.disabled = false;
  };
  if (box.value) fire();
  return [head, el('div', {class: 'text-form'}, el('label', {class: 'field grow'}, el('span', {}, 'Text'), box), el('p', {}, button, el('span', {class: 'dim'}, ' Ctrl + Enter'))), place];
}

/** The text, token by token, and the strongest features on all of it or on one chosen token. */
function firedParts(reply, table) {
  const results = el('div', {class: 'results'});
  const buttons = reply.tokens.map((token, i) => el('button', {type: 'button', class: 'token-button mono', 'aria-pressed': 'false', click: () => choose(i)}, tokenName(token)));
  let chosen = -1;
  const choose = (i) => {
    chosen = chosen === i ? -1 : i;
    buttons.forEach((button, nth) => button.setAttribute('aria-pressed', String(nth === chosen)));
    results.replaceChildren(firedTable(reply, table, chosen));
  };
  buttons.forEach((button, i) => button.style.setProperty('--heat', heatOf(reply, i)));
  results.append(firedTable(reply, table, -1));
  return [section('tokens', 'Tokens', el('p', {class: 'dim'}, 'Shade: how many of the features below fire on a token. Choose one for its own features.', reply.truncated ? ' The text was cut to the model’s window.' : null),
    el('p', {class: 'token-buttons'}, buttons)), section('fired', 'Features that fire', results)];
}

function heatOf(reply, i) {
  const firing = (at) => reply.features.filter((feature) => feature.activations[at] > 0).length;
  return (firing(i) / Math.max(1, ...reply.tokens.map((_, at) => firing(at)))).toFixed(3);
}

function firedTable(reply, table, chosen) {
  const strength = (feature) => (chosen < 0 ? feature.max : feature.activations[chosen]);
  const rows = reply.features.filter((feature) => strength(feature) > 0).sort((a, b) => strength(b) - strength(a));
  return pagedTable({caption: `${asCount(rows.length)} features`, rows, page: 0, sort: '', sorted: null, turned: () => {}, columns: [
    {key: 'feature', title: 'Feature', isNumber: true, cell: (one) => el('a', {href: featureHash(one.feature), class: 'feature-link'}, String(one.feature))},
    {key: 'label', title: 'Label', cell: (one) => featureName(table, one.feature)},
    {key: 'strength', title: chosen < 0 ? 'Strongest' : 'Here', isNumber: true, cell: (one) => asFigure(strength(one))},
    {key: 'where', title: 'Where', cell: (one) => whereLine(reply.tokens, one, chosen)},
  ]});
}

/** The tokens around a feature's strongest place, or around the chosen one. */
function whereLine(tokens, feature, chosen) {
  const centre = chosen < 0 ? feature.activations.indexOf(Math.max(...feature.activations)) : chosen;
  const first = Math.max(0, centre - AROUND);
  const last = centre + AROUND + 1;
  const line = tokenLine(tokens.slice(first, last), feature.activations.slice(first, last), feature.max, centre - first);
  line.classList.add('running');
  return line;
}
