/** The contexts of a feature, by stratum, with the judge's answer beside those held out. */
import {asFigure, asPercent} from './format.js';
import {choice, el} from './dom.js';
import {remember, remembered} from './settings.js';
import {tokenLine} from './tokens.js';

const STRATA = [
  ['top', 'Strongest', 'The strongest activations'],
  ['deciles', 'Deciles', 'Drawn from each tenth of its activations, the strongest tenth (d9) first'],
  ['below_10pct_of_max', 'Below 10 % of the maximum', 'Weak activations, of any decile'],
  ['negative_hard', 'Hard negatives', 'The feature is off although the token is its own, or one like it'],
  ['negative_random', 'Random negatives', 'Places drawn at random where the feature is off'],
];

const SPLITS = [['', 'all contexts'], ['explain', 'for the labeler'], ['score', 'held out']];

/** The contexts of a feature with their controls. `split` is the choice in the URL, `splitChosen` is told of another. */
export function contextSection(feature, split, splitChosen) {
  const maximum = feature.statistics.max_activation;
  const list = el('div', {class: 'strata'});
  const isNarrow = matchMedia('(max-width: 40rem)').matches;
  const shown = feature.contexts.filter((context) => !split || context.split === split);
  for (const [key, title, hint] of STRATA) {
    const members = shown.filter((context) => stratumOf(context) === key).sort(byStrength);
    if (members.length) list.append(stratum(title, hint, members, maximum, !isNarrow || key === 'top', (feature.missing || {}).more));
  }
  if (!shown.length) list.append(el('p', {class: 'dim'}, (feature.missing || {}).contexts || 'No contexts here.'));
  const aligned = el('input', {type: 'checkbox', name: 'aligned', change: (event) => alignPeaks(list, event.target.checked)});
  aligned.checked = remembered('aligned', 'yes') === 'yes';
  alignPeaks(list, aligned.checked);
  return el('section', {class: 'contexts', 'aria-labelledby': 'contexts'},
    el('header', {class: 'bar-line'}, el('h2', {id: 'contexts'}, 'Contexts'),
      choice('Show', 'split', SPLITS, split, splitChosen), el('label', {class: 'field check'}, aligned, el('span', {}, 'align peaks'))),
    scaleKey(maximum), list);
}

function alignPeaks(list, isOn) {
  list.classList.toggle('aligned', isOn);
  remember('aligned', isOn ? 'yes' : 'no');
}

function stratumOf(context) {
  return /^d\d$/.test(context.stratum) ? 'deciles' : context.stratum;
}

function byStrength(a, b) {
  return b.stratum.localeCompare(a.stratum) || atPeak(b) - atPeak(a) || (a.number || 0) - (b.number || 0);
}

/** The activation that the context was chosen for. */
function atPeak(context) {
  return context.activations[context.peak];
}

/** What shade and underline stand for. */
function scaleKey(maximum) {
  const steps = [0.05, 0.25, 0.5, 0.75, 1].map((share) => el('mark', {class: 'token', vars: {'--heat': share}}, asFigure(share * maximum)));
  return el('p', {class: 'key dim'}, 'Activation ', el('span', {class: 'scale'}, steps), el('span', {class: 'nowrap'}, ' · ', el('span', {class: 'token peak'}, 'peak')),
    el('span', {class: 'nowrap'}, ' · blanks: ', el('span', {class: 'mono'}, '· space ↵ line feed → tab')));
}

function stratum(title, hint, members, maximum, open, whyNoMore) {
  const judged = members.filter((context) => context.judged);
  const right = judged.filter((context) => context.judged.right).length;
  const tally = judged.length ? `judge right on ${right} of ${judged.length}` : '';
  return el('details', {class: 'stratum', open},
    el('summary', {}, el('h3', {}, title), el('span', {class: 'dim'}, ` ${members.length}`), el('span', {class: 'dim hint'}, hint), el('span', {class: 'dim tally'}, tally)),
    el('ol', {class: 'rows'}, members.map((context) => contextRow(context, maximum, whyNoMore))));
}

function contextRow(context, maximum, whyNoMore) {
  const row = el('li', {class: 'row', id: context.number === null ? null : `context-${context.number}`, tabindex: context.number === null ? null : -1});
  const body = el('div', {class: 'body'}, tokenLine(context.tokens, context.activations, maximum, context.peak));
  const more = el('button', {type: 'button', class: 'quiet', 'aria-expanded': 'false', title: 'more context', 'aria-label': 'More context', click: () => {
    const open = more.getAttribute('aria-expanded') !== 'true';
    more.setAttribute('aria-expanded', String(open));
    row.classList.toggle('open', open);
    body.replaceChildren(...(open ? widerContext(context, maximum, whyNoMore) : [tokenLine(context.tokens, context.activations, maximum, context.peak)]));
  }}, '⋯');
  row.append(el('span', {class: 'value n'}, atPeak(context) > 0 ? asFigure(atPeak(context)) : el('span', {class: 'dim'}, 'off')), body, placeOf(context), verdictOf(context), more);
  return row;
}

/** Its decile, and its number where the labeler's evidence can name it. */
function placeOf(context) {
  const decile = /^d\d$/.test(context.stratum) ? context.stratum : '';
  return el('span', {class: 'place dim'}, decile, context.number === null || !context.shown ? null : el('span', {title: 'shown to the labeler under this number'}, ` #${context.number}`));
}

function verdictOf({judged}) {
  if (!judged) return el('span', {class: 'judged'});
  const answer = judged.says ? 'said yes' : 'said no';
  return el('span', {class: `judged ${judged.right ? 'good' : 'bad'}`, title: `The judge ${answer}: ${judged.right ? 'right' : 'wrong'}`},
    el('span', {'aria-hidden': 'true'}, judged.right ? '✓' : '✗'), judged.right ? ' right' : ' wrong', el('span', {class: 'dim answer'}, ` ${answer}`));
}

/** The same tokens with those before and after them, and where the text is from. */
function widerContext(context, maximum, whyNoMore) {
  const {before, after} = context.more || {before: [], after: []};
  const tokens = [...before, ...context.tokens, ...after];
  const activations = [...before.map(() => 0), ...context.activations, ...after.map(() => 0)];
  const line = tokenLine(tokens, activations, maximum, context.peak + before.length);
  line.classList.add('running');
  const source = [context.split === 'score' ? 'held out' : 'for the labeler', `document ${context.document.slice(0, 12)}`, `window ${context.window}`, `token ${context.position}`];
  if (context.fallback) source.push(`chosen by ${context.fallback.replaceAll('_', ' ')}`);
  if (context.judged) source.push(`the judge ${context.judged.says ? 'said yes' : 'said no'}, the feature is ${context.judged.says === context.judged.right ? 'on' : 'off'}`);
  if (!context.more) source.push(whyNoMore || 'no wider text was kept');
  return [line, el('p', {class: 'dim source'}, source.join(' · '))];
}

/** How much of a stratum's judged contexts were right, over all of a feature: for its summary. */
export function judgedRight(contexts) {
  const judged = contexts.filter((context) => context.judged);
  return judged.length ? `${judged.filter((context) => context.judged.right).length} of ${judged.length} held-out contexts judged right (${
    asPercent(judged.filter((context) => context.judged.right).length / judged.length)})` : null;
}
