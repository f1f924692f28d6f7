/** What stands beside a feature's contexts: measures, drawings, tokens, neighbours, and what was asked and answered. */
import {DASH, asCount, asDollars, asFigure, asFixed, asPercent, asRarity, asSeconds, isMissing, outcomeText, tokenName, writtenText} from './format.js';
import {decileChart, histogramChart, intervalBar, positionChart, shareBar} from './charts.js';
import {aside, el, facts, plainTable, scroller, section} from './dom.js';
import {featureHash} from './route.js';
import {featureName} from './columns.js';

/** A panel of a feature, or why it is empty, or nothing where nobody says why. */
function panel(id, title, content, why, ...more) {
  if (!content && !why) return null;
  return section(id, title, content || el('p', {class: 'dim'}, why), content ? more : null);
}

/** All panels of a feature with details; `query` is the list the reader came from, `table` names the neighbours. */
export function featurePanels(feature, table, query) {
  const missing = feature.missing || {};
  return [
    panel('scores', 'Scores', scoreTable(feature.scores || []), missing.scores),
    panel('deciles', 'Found by decile', feature.deciles ? decileChart(feature.deciles) : null, missing.deciles, feature.deciles ? alarmLine(feature.deciles) : null),
    panel('histogram', 'Activations', feature.histogram ? histogramChart(feature.histogram) : null, missing.histogram,
      el('p', {class: 'dim legend'}, 'Ticks below the line cut the activations into tenths.')),
    statisticsPanel(feature.statistics),
    panel('promoted', 'Tokens it promotes and suppresses', feature.logits ? logitTables(feature.logits) : null, missing.logits),
    panel('tokens', 'Tokens it fires on', tokenTable(feature), missing.top_tokens),
    panel('positions', 'Position', feature.positions ? positionChart(feature.positions) : null, missing.positions),
    panel('nearest', 'Nearest features', nearestTables(feature.nearest, table, query), [missing.decoder, missing.coactive].filter(Boolean).join(' ')),
  ];
}

/** Each score over what can be had without understanding, on one scale. */
function scoreTable(scores) {
  if (!scores.length) return null;
  const floorRows = (score) => Object.entries(score.floors || {}).filter(([, value]) => !isMissing(value)).map(([name, value]) =>
    [el('span', {class: 'dim floor-name'}, name.replaceAll('_', ' ')), el('span', {class: 'dim'}, asFixed(value, 3)), intervalBar({rate: value})]);
  return [plainTable('Scores with their intervals and floors', [['Scorer', false], ['Score', true], ['95 % interval', false]], scores.flatMap((score) => [[
    [score.name.replaceAll('_', ' '), score.measure ? el('span', {class: 'dim note'}, score.measure) : null],
    isMissing(score.value) ? outcomeText(score.outcome) : asFixed(score.value, 3),
    isMissing(score.value) ? writtenText(score.note || DASH) : [intervalBar(score.measure === 'correlation' ? {rate: null} : {rate: score.value, low: score.low, high: score.high}, score.floor),
      isMissing(score.low) ? null : el('span', {class: 'dim range-text'}, `${asFixed(score.low, 2)} to ${asFixed(score.high, 2)}`)],
  ], ...floorRows(score)])), scores.map(scoreNotes)];
}

/** How a score came about, in a line: answers by kind, the check on weak activations. */
function scoreNotes({counts, bottom, note, value}) {
  const parts = [];
  if (counts) parts.push(`fires: found ${counts.tp}, missed ${counts.fn}; silent: left alone ${counts.tn}, false alarms ${counts.fp}`);
  if (bottom && bottom.lowest_decile && bottom.lowest_decile[1]) parts.push(`weakest tenth: found ${bottom.lowest_decile.join(' of ')}${isMissing(bottom.p_value) ? '' : `, p = ${asFigure(bottom.p_value)}`}${isMissing(bottom.verdict) ? '' : `, ${bottom.verdict}`}`);
  if (note && !isMissing(value)) parts.push(note);
  return parts.map((part) => el('p', {class: 'dim legend'}, writtenText(part)));
}

function alarmLine({false_alarms: alarms}) {
  const told = ['hard', 'random'].filter((kind) => alarms && alarms[kind] && alarms[kind][1]).map((kind) => el('span', {class: 'nowrap'},
    el('span', {class: `dash ${kind}`, 'aria-hidden': 'true'}), ` false alarms, ${kind} negatives: ${alarms[kind][0]} of ${alarms[kind][1]}`));
  return el('p', {class: 'dim legend'}, 'Share of held-out contexts that the judge found, with 95 % intervals. ', told.map((one) => [one, ' ']));
}

/** The measures that every feature has, from its details or its row of the listing. */
export function statisticsPanel(statistics) {
  const dead = Object.entries(statistics.dead || {}).filter(([, is]) => is).map(([name]) => name.replaceAll('_', ' ')).join(', ');
  const duplicate = statistics.duplicate_of;
  return section('statistics', 'Statistics', facts([
    ['active tokens', isMissing(statistics.n_active) ? null : asCount(statistics.n_active)],
    ['density', isMissing(statistics.density) ? null : asRarity(statistics.density)],
    ['mean', isMissing(statistics.mean_activation) ? null : asFigure(statistics.mean_activation)],
    ['standard deviation', isMissing(statistics.std_activation) ? null : asFigure(statistics.std_activation)],
    ['maximum', isMissing(statistics.max_activation) ? null : asFigure(statistics.max_activation)],
    ['selectivity', isMissing(statistics.selectivity) ? null : asFigure(statistics.selectivity)],
    ['rank', isMissing(statistics.rank) ? null : asCount(statistics.rank)],
    ['duplicate of', isMissing(duplicate) ? null : el('a', {href: featureHash(duplicate)}, `feature ${duplicate}`)],
    ['dead by', dead],
  ]), quantileTable(statistics.quantiles || {}));
}

function quantileTable(quantiles) {
  const entries = Object.entries(quantiles);
  if (!entries.length) return null;
  return plainTable('Quantiles of its activations', [['quantile', false], ...entries.map(([name]) => [`${Number(name.slice(1))} %`, true])], [['value', ...entries.map(([, value]) => asFigure(value))]]);
}

function logitTables({promoted, suppressed}) {
  const side = (title, rows) => plainTable(title, [[title, false], ['Logit', true]], rows.map(([token, value]) => [tokenName(token), asFixed(value, 2)]));
  return el('div', {class: 'pair'}, side('Promoted', promoted), side('Suppressed', suppressed));
}

function tokenTable(feature) {
  const bar = () => aside('as a bar');
  const tokens = feature.top_tokens || [];
  const classes = Object.entries(feature.token_classes || {}).sort((a, b) => b[1] - a[1]);
  if (!tokens.length && !classes.length) return null;
  const most = Math.max(...tokens.map((one) => one.count), 1);
  return [
    tokens.length ? plainTable('Top tokens', [['Token', false], ['Class', false], ['Count', true], [bar(), false]], tokens.map((one) =>
      [tokenName(one.token), el('span', {class: 'dim'}, one.class), asCount(one.count), shareBar(one.count / most)])) : null,
    classes.length ? plainTable('Classes of tokens', [['Class of token', false], ['Share', true], [bar(), false]], classes.map(([name, share]) => [name, asPercent(share), shareBar(share)])) : null,
  ];
}

function nearestTables(nearest, table, query) {
  if (!nearest) return null;
  const side = (title, measure, rows) => (rows && rows.length ? plainTable(title, [[title, false], [measure, true]], rows.map(([feature, value]) =>
    [[el('a', {href: featureHash(feature, query)}, String(feature)), ' ', featureName(table, feature)], asFixed(value, 2)])) : null);
  const sides = [side('By decoder', 'Cosine', nearest.decoder), side('By firing together', 'Shared tokens', nearest.coactive)].filter(Boolean);
  return sides.length ? sides : null;
}

/** Every question that was asked about the feature and its answer, closed until wanted. */
export function exchangeSection(feature) {
  const exchanges = feature.exchanges || [];
  const why = (feature.missing || {}).exchanges;
  if (!exchanges.length) return panel('exchanges', 'Prompts and replies', null, why);
  return section('exchanges', 'Prompts and replies', exchanges.map((one) => el('details', {class: 'exchange'},
    el('summary', {}, one.purpose.replaceAll('_', ' '), el('span', {class: 'dim'}, ' · ', outcomeText(one.outcome), ` · ${exchangeFacts(one).join(' · ')}`)),
    one.reason ? el('p', {class: 'bad'}, writtenText(one.reason)) : null,
    one.request.map((message) => turn(message.role, message.content)), turn('reply', one.reply))));
}

function exchangeFacts(one) {
  const tokens = isMissing(one.tokens_in) ? [] : [`${asCount(one.tokens_in)} tokens in, ${asCount(one.tokens_out)} out`];
  return [asDollars(one.cost_usd), asSeconds(one.seconds), ...tokens, ...(one.is_reask ? ['asked again'] : []), ...(one.source === 'cache' ? ['from the cache'] : [])];
}

function turn(role, content) {
  return [el('h3', {class: 'role'}, role), scroller('pre', null, role, writtenText(content || ''))];
}
