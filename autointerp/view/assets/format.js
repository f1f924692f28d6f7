/** Numbers and text as readers see them. Nothing measured is a dash, never a zero. */
import {aside, el} from './dom.js';

export const DASH = '–';

const HIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Co}]/u;
const PIECES = /( )|(\n)|(\t)|([\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Co}\u00a0])|([^ \p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Co}\u00a0]+)/gu;

/** 12345 -> "12,345". */
export function asCount(value) {
  return isMissing(value) ? DASH : Math.round(value).toLocaleString('en');
}

/** A fixed number of decimals, so that a column lines up. */
export function asFixed(value, digits) {
  return isMissing(value) ? DASH : minus(value.toFixed(digits));
}

/** Three digits that count: 0.00123, 1.23, 12.3, 1,230. */
export function asFigure(value) {
  if (isMissing(value)) return DASH;
  const size = Math.abs(value);
  if (size >= 1000) return minus(Math.round(value).toLocaleString('en'));
  if (size !== 0 && size < 1e-4) return minus(value.toExponential(1));
  return minus(String(Number(value.toPrecision(3))));
}

/** A share as percent, with as many decimals as asked for. */
export function asPercent(value, digits = 0) {
  return isMissing(value) ? DASH : `${minus((value * 100).toFixed(digits))} %`;
}

/** A share whose smallness is the point: two digits that count. */
export function asRarity(value) {
  if (isMissing(value)) return DASH;
  const percent = value * 100;
  if (percent === 0) return '0 %';
  return percent < 0.0001 ? '< 0.0001 %' : `${Number(percent.toPrecision(2))} %`;
}

export function asDollars(value) {
  if (isMissing(value)) return 'unknown';
  return value === 0 ? '$0' : `$${value < 1 ? Number(value.toPrecision(2)) : value.toFixed(2)}`;
}

export function asSeconds(value) {
  if (isMissing(value)) return DASH;
  return value < 120 ? `${asFigure(value)} s` : `${asFigure(value / 60)} min`;
}

export function isMissing(value) {
  return value === null || value === undefined || Number.isNaN(value);
}

function minus(text) {
  return text.replace('-', '\u2212');
}

/**
 * Text of a token: spaces, line feeds and tabs with a glyph that copying leaves behind, invisible characters by their code.
 * The characters themselves stay in the page, so what is copied is what the model read.
 */
export function tokenText(text) {
  return Array.from(text.matchAll(PIECES), ([, space, feed, tab, hidden, plain]) => {
    if (plain !== undefined) return plain;
    if (space) return el('span', {class: 'blank space'}, ' ');
    if (feed) return el('span', {class: 'blank feed'}, '\n');
    if (tab) return el('span', {class: 'blank tab'}, '\t');
    return hiddenCharacter(hidden);
  });
}

const BLANK_NAMES = {' ': 'space', '\n': 'line feed', '\t': 'tab'};

/** A token by itself; one of blanks alone is named for those who cannot see its glyphs. */
export function tokenName(text) {
  const isBlank = text !== '' && [...text].every((character) => character in BLANK_NAMES);
  return el('bdi', {class: 'mono'}, tokenText(text), isBlank ? aside([...text].map((character) => BLANK_NAMES[character]).join(', ')) : null);
}

/** Text that people or models wrote: its direction is kept to itself, invisible characters are shown by their code. */
export function writtenText(text) {
  const pieces = Array.from(text.matchAll(PIECES), ([piece, , feed, tab, hidden]) => {
    if (feed || tab || !hidden || hidden === '\u00a0') return piece;
    return hiddenCharacter(hidden);
  });
  return el('bdi', {}, HIDDEN.test(text) ? pieces : text);
}

function hiddenCharacter(character) {
  const code = `U+${character.codePointAt(0).toString(16).toUpperCase().padStart(4, '0')}`;
  return el('span', {class: 'hidden-character', 'data-code': code}, character);
}

/** A label, POLYSEMANTIC or what stands for none. */
export function labelText(label) {
  return isMissing(label) || label === '' ? el('span', {class: 'dim'}, 'not labelled') : writtenText(label);
}

const VERDICTS = {MONOSEMANTIC: ['●', 'mono', 'single'], POLYSEMANTIC: ['◍', 'poly', 'poly']};

/** A labeler's verdict: a sign and a word. */
export function verdictBadge(verdict) {
  if (isMissing(verdict)) return el('span', {class: 'dim'}, DASH);
  const [sign, word, kind] = VERDICTS[verdict] || ['○', verdict.toLowerCase(), 'other'];
  return el('span', {class: `badge ${kind}`, title: verdict}, el('span', {'aria-hidden': 'true'}, sign), ` ${word}`);
}

/** Yes, no or not known: a sign and a word. */
export function yesNo(value) {
  if (isMissing(value)) return el('span', {class: 'dim'}, DASH);
  return el('span', {class: value ? 'good' : 'dim nowrap'}, el('span', {'aria-hidden': 'true'}, value ? '✓' : '✗'), ` ${value ? 'yes' : 'no'}`);
}

/** What a labeler answered with: nothing to say when all went well. */
export function outcomeText(outcome) {
  if (isMissing(outcome)) return el('span', {class: 'dim'}, DASH);
  return outcome === 'ok' ? 'ok' : el('span', {class: 'bad'}, el('span', {'aria-hidden': 'true'}, '! '), outcome.replaceAll('_', ' '));
}
