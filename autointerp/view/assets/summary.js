/** What a run found as a whole: rates with their intervals and nulls, what failed and why, what is missing. */
import {asCount, asDollars, asFigure, asFixed, asPercent, asSeconds, isMissing, writtenText} from './format.js';
import {el, plainTable, section} from './dom.js';
import {featureHash} from './route.js';
import {intervalBar} from './charts.js';

const RATES = [['label', 'labelled'], ['verified', 'verified'], ['robust', 'robust'], ['beyond_token', 'beyond token']];

/** The head of the list: title, inputs, rates, failures, notes. */
export function runSummary(run) {
  return [
    el('header', {class: 'run-head'}, el('h1', {tabindex: -1}, writtenText(run.title)), el('p', {class: 'inputs'}, inputsOf(run).map(([name, value]) =>
      el('span', {class: 'fact'}, el('span', {class: 'dim'}, `${name} `), value)))),
    run.groups.length ? section('rates', 'Rates', ratesTable(run), el('p', {class: 'dim legend'},
      'Share of a group’s features with its 95 % interval; dashed, what shuffled labels reach; the thin line spans the worst cases, every missing answer a no or a yes. Detection: mean balanced accuracy on held-out text.')) : null,
    failureList(run.failures || []),
    (run.notes || []).length ? section('missing', 'Not in this run', el('ul', {class: 'notes'}, run.notes.map((note) => el('li', {}, writtenText(note))))) : null,
  ];
}

function inputsOf(run) {
  const written = (value) => (isMissing(value) || value === '' ? null : writtenText(String(value)));
  const dead = Object.entries(run.dead || {}).map(([name, n]) => `${name.replaceAll('_', ' ')} ${asCount(n)}`).join(', ');
  return [
    ['SAE', written(run.sae.path)], ['kind', written(run.sae.architecture)], ['model', written(run.model.name)], ['at', written(run.hook_point)],
    ['features', `${asCount(run.n_features)}, ${asCount(run.n_alive)} alive`], ['dead', dead || null],
    ['text', run.corpus ? el('span', {}, writtenText(run.corpus), `, ${asCount(run.n_tokens)} tokens in windows of ${run.context_length}`) : null],
    ['labeler', written(run.labeler)], ['judge', written(run.judge)],
    ['cost', isMissing(run.cost_usd) ? null : asDollars(run.cost_usd)], ['time', isMissing(run.seconds) ? null : asSeconds(run.seconds)], ['made', written(run.created && run.created.slice(0, 16).replace('T', ' '))],
  ].filter(([, value]) => value !== null);
}

function ratesTable(run) {
  const nulls = run.nulls || [];
  const rates = RATES.filter(([key]) => [...run.groups, ...nulls].some((group) => (group.rates || {})[key]));
  const detection = run.groups.some((group) => group.detection);
  const bottom = run.groups.some((group) => group.bottom_decile);
  const means = run.definitions || {};
  const heads = [['Group', false], ...rates.map(([key, title]) => [title, false, means[key]]),
    ...(detection ? [['detection', false, means.detection]] : []), ...(bottom ? [['weakest tenth', false, means.bottom_decile]] : [])];
  const row = (group, isNull) => [
    el('span', {class: isNull ? 'null nowrap' : 'nowrap'}, isNull ? 'null: ' : null, writtenText(group.name), isMissing(group.n) ? null : el('span', {class: 'dim'}, ` ${group.n}`)),
    ...rates.map(([key]) => rateCell((group.rates || {})[key], isNull ? null : nullRate(nulls, group.name, key))),
    ...(detection ? [detectionCell(group.detection)] : []),
    ...(bottom ? [rateCell(group.bottom_decile && {...group.bottom_decile, rate: group.bottom_decile.pass_rate})] : []),
  ];
  return plainTable('Rates by group', heads, [...run.groups.map((group) => row(group, false)), ...nulls.map((group) => row(group, true))]);
}

/** The highest rate that a null reached on a group, by which the group's own is to be judged. */
function nullRate(nulls, group, key) {
  const found = nulls.map((one) => one.groups?.[group]?.rates?.[key]?.rate).filter((rate) => !isMissing(rate));
  return found.length ? Math.max(...found) : null;
}

/** A share with its interval and counts. */
export function rateCell(rate, floor = null) {
  if (!rate || isMissing(rate.rate)) return el('span', {class: 'dim'}, '–');
  return el('span', {class: 'rate', title: isMissing(rate.low) ? null : `95 % interval ${asPercent(rate.low, 1)} to ${asPercent(rate.high, 1)}`},
    el('span', {class: 'n main-figure'}, asPercent(rate.rate)), intervalBar(rate, floor),
    el('span', {class: 'dim n'}, isMissing(rate.k) ? '' : `${rate.k}/${rate.n}`));
}

function detectionCell(found) {
  if (!found || isMissing(found.mean)) return el('span', {class: 'dim'}, '–');
  return el('span', {class: 'rate', title: `95 % interval ${asFigure(found.low)} to ${asFigure(found.high)}, floor ${asFigure(found.floor)}`},
    el('span', {class: 'n main-figure'}, asFixed(found.mean, 2)), intervalBar({rate: found.mean, low: found.low, high: found.high}, found.floor),
    el('span', {class: 'dim n'}, isMissing(found.n) ? '' : `${found.n}`));
}

function failureList(failures) {
  if (!failures.length) return null;
  return section('failures', 'What failed', el('ul', {class: 'failures'}, failures.map((failure) => el('li', {},
    el('span', {class: 'bad'}, el('span', {'aria-hidden': 'true'}, '! '), failure.outcome.replaceAll('_', ' ')),
    el('span', {class: 'dim'}, ` · ${failure.stage ? `${failure.stage}, ` : ''}${asCount(failure.n)} ${failure.n === 1 ? 'feature' : 'features'} · `), writtenText(failure.reason || 'no reason given'),
    el('span', {class: 'dim'}, ' · '), failure.features.slice(0, 12).map((feature) => [el('a', {href: featureHash(feature)}, String(feature)), ' ']), failure.n > 12 ? '…' : null))));
}
