/** A run (a) beside the one it is compared with (b): the gate's verdict, the rates, and the features on which they differ. */
import {DASH, asCount, asFixed, isMissing, labelText, verdictBadge, writtenText, yesNo} from './format.js';
import {choice, el, plainTable, section} from './dom.js';
import {featureHash, rewriteQuery} from './route.js';
import {load} from './load.js';
import {pagedTable} from './paged.js';
import {rateCell} from './summary.js';

/** The page as a list of nodes. Throws an Error where no other run was named. */
export async function comparePage(run, query) {
  if (!run.compare) throw new Error('No second run is at hand: “autointerp view RUN --compare OTHER” puts two side by side.');
  const found = await load('compare');
  return [el('header', {class: 'run-head'}, el('h1', {tabindex: -1}, 'Two runs'), el('p', {class: 'inputs'},
    el('span', {class: 'fact'}, el('span', {class: 'dim'}, 'this run '), writtenText(found.a.title)), el('span', {class: 'fact'}, el('span', {class: 'dim'}, 'before '), writtenText(found.b.title)),
    el('span', {class: 'fact'}, el('span', {class: 'dim'}, 'same SAE '), yesNo(found.same_sae)))),
  gateSection(found.gate), ratesSection(found.rates), featuresSection(found, query)];
}

function gateSection(gate) {
  if (!gate) return null;
  const passed = gate.verdict === 'pass';
  const failed = gate.verdict === 'fail';
  return section('gate', 'The gate', el('p', {class: 'gate'},
    el('strong', {class: passed ? 'good' : failed ? 'bad' : null}, el('span', {'aria-hidden': 'true'}, passed ? '✓ ' : failed ? '✗ ' : '○ '), writtenText(String(gate.verdict).replaceAll('_', ' '))),
    gate.sentence ? [' ', writtenText(gate.sentence)] : null));
}

function ratesSection(rates) {
  if (!rates.length) return null;
  return section('rates', 'Rates', plainTable('Rates of both runs', [['Group', false], ['Rate', false], ['Before', false], ['This run', false], ['Change', true]], rates.map((one) => [
    writtenText(one.group), one.rate.replaceAll('_', ' '), rateCell(one.b), rateCell(one.a), changeOf(one.b, one.a)])));
}

function changeOf(before, now) {
  if (!before || !now || isMissing(before.rate) || isMissing(now.rate)) return DASH;
  const points = (now.rate - before.rate) * 100;
  return `${points > 0 ? '+' : points < 0 ? '\u2212' : ''}${Math.abs(points).toFixed(1)} points`;
}

function featuresSection(found, query) {
  if (!found.features.length) return section('differences', 'Features', el('p', {class: 'dim'}, 'No feature of one run is a feature of the other.'));
  const kinds = [...new Set(found.features.flatMap((one) => one.changed))].sort();
  const place = el('div', {class: 'results'});
  const number = el('p', {class: 'count', role: 'status'});
  const change = (changes) => {
    for (const [name, value] of Object.entries({page: '', ...changes})) value === '' ? query.delete(name) : query.set(name, value);
    rewriteQuery('compare', query);
    draw();
  };
  const draw = () => {
    const rows = chosenFeatures(found.features, query);
    number.textContent = `${asCount(rows.length)} of ${asCount(found.features.length)} features`;
    place.replaceChildren(pagedTable({caption: 'Features in both runs', columns: COMPARED, rows, page: Number(query.get('page') || 1) - 1, sort: '', sorted: null,
      turned: (page) => change({page: page ? String(page + 1) : ''})}));
  };
  const search = el('input', {type: 'search', id: 'search', name: 'q', value: query.get('q') || '', placeholder: 'label or number', autocomplete: 'off', input: (event) => change({q: event.target.value})});
  draw();
  return section('differences', 'Features', el('search', {class: 'fields'}, el('label', {class: 'field grow'}, el('span', {}, 'Search', el('kbd', {'aria-hidden': 'true'}, '/')), search),
    choice('Show', 'show', [['', 'what changed'], ...kinds.map((kind) => [kind, `${kind.replaceAll('_', ' ')} changed`]), ['all', 'all features']], query.get('show') || '', (show) => change({show}))), number, place, onlyOne(found));
}

function chosenFeatures(features, query) {
  const show = query.get('show') || '';
  const words = (query.get('q') || '').toLowerCase().split(/\s+/).filter(Boolean);
  return features.filter((one) => (show === 'all' || (show ? one.changed.includes(show) : one.changed.length > 0))
    && words.every((word) => `${one.label_a || ''} ${one.label_b || ''}`.toLowerCase().includes(word) || String(one.feature) === word.replace(/^#/, '')));
}

const COMPARED = [
  {key: 'feature', title: 'Feature', isNumber: true, cell: (one) => el('a', {href: featureHash(one.feature), class: 'feature-link'}, String(one.feature))},
  {key: 'label_b', title: 'Label before', cell: (one) => labelText(one.label_b)},
  {key: 'label_a', title: 'Label in this run', cell: (one) => (one.label_a === one.label_b && !isMissing(one.label_a) ? el('span', {class: 'dim'}, 'same') : labelText(one.label_a))},
  {key: 'verdict', title: 'Verdict', cell: (one) => flip(verdictBadge(one.verdict_b), verdictBadge(one.verdict_a), one.verdict_a === one.verdict_b)},
  {key: 'verified', title: 'Verified', cell: (one) => flip(yesNo(one.verified_b), yesNo(one.verified_a), one.verified_a === one.verified_b)},
  {key: 'robust', title: 'Robust', cell: (one) => flip(yesNo(one.robust_b), yesNo(one.robust_a), one.robust_a === one.robust_b)},
  {key: 'detection', title: 'Detection', isNumber: true, cell: (one) => `${asFixed(one.balanced_accuracy_b, 3)} → ${asFixed(one.balanced_accuracy_a, 3)}`},
];

function flip(before, now, isSame) {
  return isSame ? now : el('span', {class: 'nowrap'}, before, el('span', {'aria-hidden': 'true'}, ' → '), el('span', {class: 'sr'}, ' became '), now);
}

/** Features that only one of the runs labelled. */
function onlyOne(found) {
  const side = (features, where) => (features && features.length ? el('p', {class: 'dim'}, `Labelled ${where} alone: `,
    features.slice(0, 20).map((feature) => [el('a', {href: featureHash(feature)}, String(feature)), ' ']), features.length > 20 ? `… ${asCount(features.length)} in all` : null) : null);
  return [side(found.only_a, 'in this run'), side(found.only_b, 'before')];
}
