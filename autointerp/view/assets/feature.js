/** The page of one feature. */
import {asCount, asFigure, asFixed, asRarity, isMissing, labelText, outcomeText, verdictBadge, writtenText, yesNo} from './format.js';
import {contextSection, judgedRight} from './contexts.js';
import {el, scroller, section} from './dom.js';
import {exchangeSection, featurePanels, statisticsPanel} from './panels.js';
import {featureHash, rewriteQuery, routeHash} from './route.js';
import {listQuery, selectRows} from './select.js';
import {canMakeDetails, loadFeature, makeDetails} from './load.js';

/** How long a reader stays with a feature before the model is run for it. */
const STAY_MS = 400;

/** The features before and after this one in the list the reader came from: {at, of, previous, next}, null where there is none. */
export function neighbours(run, table, feature, query) {
  const rows = selectRows(table, run.groups, query);
  const features = table.column('feature');
  const at = rows.indexOf(table.rowOf(feature));
  const featureAt = (i) => (i >= 0 && i < rows.length ? features[rows[i]] : null);
  return {at, of: rows.length, previous: at < 0 ? null : featureAt(at - 1), next: at < 0 ? featureAt(0) : featureAt(at + 1)};
}

/** The page as a list of nodes. Throws an Error where the feature does not exist. */
export async function featurePage(run, table, feature, query) {
  const row = table.rowOf(feature);
  if (row < 0) throw new Error(`This run has no feature ${feature}.`);
  const details = await loadFeature(run, feature);
  const groups = (table.column('groups')[row] || []).map((index) => run.groups[index].name);
  const value = (name) => table.column(name)[row];
  const parts = [walkBar(run, table, feature, query), heading(feature, value, details, groups, run.definitions || {})];
  if (details) return [...parts, detailColumns(feature, details, table, query)];
  const status = el('p', {class: 'dim', role: 'status'});
  const columns = el('div', {class: 'columns'}, el('div', {class: 'main'}, el('p', {class: 'dim'}, 'Nobody asked about this feature: it was in no group.'), status),
    el('div', {class: 'side'}, statisticsPanel(fromListing(value))));
  if (canMakeDetails(run)) setTimeout(() => putDetails(columns, status, feature, table, query), STAY_MS);
  else status.textContent = 'No contexts of it were kept.';
  return [...parts, columns];
}

/** Ask the model for the details of a feature, once the reader has stayed with it, and show them in place of its statistics. */
async function putDetails(columns, status, feature, table, query) {
  if (!columns.isConnected) return;
  status.textContent = 'Running the model for its contexts …';
  try {
    columns.replaceWith(detailColumns(feature, await makeDetails(feature), table, query));
  } catch (error) {
    status.replaceChildren('No contexts: ', writtenText(error.message));
  }
}

function detailColumns(feature, details, table, query) {
  return el('div', {class: 'columns'},
    el('div', {class: 'main'}, reasoningSection(feature, details, query), contextsAgain(feature, details, query), exchangeSection(details)),
    el('div', {class: 'side'}, featurePanels(details, table, query)));
}

function walkBar(run, table, feature, query) {
  const {at, of, previous, next} = neighbours(run, table, feature, query);
  const step = (to, text, key, rel) => (to === null ? el('span', {class: 'dim', 'aria-hidden': 'true'}, text)
    : el('a', {href: featureHash(to, listQuery(query)), rel, title: `${rel === 'next' ? 'next' : 'previous'} feature (${key})`}, text));
  return el('nav', {class: 'walk', 'aria-label': 'Features'}, el('a', {href: routeHash('', listQuery(query))}, '↑ Features'),
    el('span', {class: 'dim'}, at < 0 ? 'not in the filtered list' : `${asCount(at + 1)} of ${asCount(of)}`),
    step(previous, '← Previous', 'k', 'prev'), step(next, 'Next →', 'j', 'next'));
}

function heading(feature, value, details, groups, means) {
  const low = details && (details.scores || []).find((score) => score.name === 'detection');
  const figures = [
    ['Detection', value('balanced_accuracy'), (x) => asFixed(x, 3), low && !isMissing(low.low) ? `${asFixed(low.low, 2)} to ${asFixed(low.high, 2)}` : null],
    ['Selectivity', value('selectivity'), (x) => asFixed(x, 2), isMissing(value('rank')) ? null : `rank ${asCount(value('rank'))}`],
    ['Density', value('density'), asRarity, isMissing(value('n_active')) ? null : `${asCount(value('n_active'))} tokens`],
    ['Maximum', value('max_activation'), asFigure, null],
  ].filter(([, number]) => !isMissing(number));
  return el('header', {class: 'feature-head'},
    el('p', {class: 'kicker'}, `Feature ${feature}`, groups.map((name) => [' · ', el('bdi', {}, name)])),
    el('h1', {tabindex: -1}, labelText(value('label'))), badges(value, details, means),
    el('dl', {class: 'figures'}, figures.map(([name, number, show, note]) => el('div', {}, el('dt', {}, name), el('dd', {}, show(number), note ? el('span', {class: 'dim'}, ` ${note}`) : null)))));
}

function badges(value, details, means) {
  const parts = [];
  const add = (name, node, key = name) => parts.push(el('span', {class: 'fact', title: means[key]}, el('span', {class: 'dim'}, `${name} `), node));
  if (!isMissing(value('verdict'))) add('verdict', verdictBadge(value('verdict')));
  if (!isMissing(value('outcome')) && value('outcome') !== 'ok') add('outcome', outcomeText(value('outcome')));
  for (const name of ['verified', 'robust', 'beyond_token']) if (!isMissing(value(name))) add(name.replaceAll('_', ' '), yesNo(value(name)), name);
  if (!isMissing(value('bottom_verdict'))) add('weakest tenth', String(value('bottom_verdict')), 'bottom_decile');
  if (details && !isMissing(details.confidence)) add('confidence', `${details.confidence} of 5`);
  return parts.length ? el('p', {class: 'badges'}, parts) : null;
}

function reasoningSection(feature, details, query) {
  if (isMissing(details.outcome)) return el('p', {class: 'dim'}, 'Nobody asked about this feature: it was in no group. What follows comes from the model, just now.');
  const said = judgedRight(details.contexts);
  const evidence = (details.evidence || []).map((number) => [el('a', {href: featureHash(feature, new URLSearchParams([...listQuery(query), ['context', String(number)]]))}, `#${number}`), ' ']);
  return section('reasoning', 'Why this label',
    details.reason ? el('p', {class: 'bad'}, writtenText(details.reason)) : null,
    el('p', {class: 'prose'}, details.reasoning ? writtenText(details.reasoning) : el('span', {class: 'dim'}, 'The labeler gave no reasons.')),
    evidence.length ? el('p', {}, el('span', {class: 'dim'}, 'Evidence '), evidence) : null,
    el('p', {class: 'dim'}, details.llm ? ['Labelled by ', writtenText(details.llm), details.prompt ? [', prompt ', writtenText(details.prompt)] : null] : 'Not labelled', said ? ` · ${said}` : null),
    (details.missing || {}).judged ? el('p', {class: 'dim'}, writtenText(details.missing.judged)) : null,
    details.rule ? el('details', {}, el('summary', {}, 'Rule'), scroller('pre', null, 'Rule', writtenText(details.rule))) : null);
}

/** The contexts, made anew when the reader chooses another split. */
function contextsAgain(feature, details, query) {
  const build = () => contextSection(details, query.get('split') || '', (split) => {
    query.set('split', split);
    rewriteQuery(`feature/${feature}`, query);
    const next = build();
    now.replaceWith(next);
    now = next;
    now.querySelector('select').focus();
  });
  let now = build();
  return now;
}

function fromListing(value) {
  const names = ['n_active', 'density', 'max_activation', 'selectivity', 'rank', 'duplicate_of'];
  return Object.fromEntries(names.map((name) => [name, value(name)]));
}
