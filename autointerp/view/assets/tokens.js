/** A text as tokens, shaded and underlined by activation; the value of one on hover, on focus and for screen readers. */
import {asFigure, asPercent, tokenText} from './format.js';
import {aside, el} from './dom.js';

/**
 * Tokens in a line. Active ones are marks; the arrow keys go from one to the next, and one of them stops the tab key.
 * `peak` is the index of the token the line is about (it may be off, in a negative), or -1.
 */
export function tokenLine(tokens, activations, maximum, peak) {
  const stop = activations[peak] > 0 ? peak : activations.findIndex((value) => value > 0);
  const nodes = tokens.map((token, i) => oneToken(token, activations[i], maximum, i === peak, i === stop));
  const parts = peak < 0 ? [nodes] : [el('span', {class: 'before'}, nodes.slice(0, peak)), nodes[peak], el('span', {class: 'after'}, nodes.slice(peak + 1))];
  return el('div', {class: peak < 0 ? 'tokens running' : 'tokens', translate: 'no', keydown: stepBetweenMarks}, parts, spoken(tokens, activations));
}

function oneToken(token, activation, maximum, isPeak, isStop) {
  const kind = isPeak ? 'token peak' : 'token';
  if (!(activation > 0)) return el('bdi', {class: isPeak ? 'token peak off' : 'token'}, tokenText(token));
  const share = maximum > 0 ? Math.min(1, activation / maximum) : 1;
  return el('mark', {class: kind, tabindex: isStop ? 0 : -1, vars: {'--heat': share.toFixed(3)},
    'data-value': `${asFigure(activation)} · ${asPercent(share)} of the maximum`}, tokenText(token));
}

/** What the shades say, in words: the strongest tokens with their values. */
function spoken(tokens, activations) {
  const strongest = activations.map((value, i) => [value, tokens[i].trim()]).filter(([value]) => value > 0).sort((a, b) => b[0] - a[0]).slice(0, 5);
  if (!strongest.length) return aside(' The feature is off here. ');
  return aside(` Activations: ${strongest.map(([value, token]) => `${token || 'blank'} ${asFigure(value)}`).join(', ')}. `);
}

function stepBetweenMarks(event) {
  const direction = {ArrowRight: 1, ArrowLeft: -1}[event.key];
  if (!direction || event.target.tagName !== 'MARK') return;
  const marks = [...event.currentTarget.querySelectorAll('mark')];
  const next = marks[marks.indexOf(event.target) + direction];
  event.preventDefault();
  event.stopPropagation();
  if (next) next.focus();
}

/** Show values where the pointer or the focus is, in one note for the whole page; and copy tokens as the model read them. */
export function startTokenNotes() {
  const note = el('div', {id: 'note', role: 'tooltip', hidden: true});
  document.body.append(note);
  const show = (event) => {
    const mark = event.target.closest && event.target.closest('mark[data-value]');
    note.hidden = !mark;
    if (!mark) return;
    note.textContent = mark.dataset.value;
    const box = mark.getBoundingClientRect();
    const left = Math.min(Math.max(4, box.left), document.documentElement.clientWidth - note.offsetWidth - 4);
    note.style.setProperty('--left', `${left}px`);
    note.style.setProperty('--top', `${box.top > 40 ? box.top - note.offsetHeight - 4 : box.bottom + 4}px`);
    if (event.type === 'focusin') mark.setAttribute('aria-describedby', 'note');
  };
  const hide = () => { note.hidden = true; };
  for (const name of ['mouseover', 'focusin', 'click']) document.addEventListener(name, show);
  document.addEventListener('focusout', hide);
  document.addEventListener('scroll', hide, {passive: true});
  document.addEventListener('keydown', (event) => { if (event.key === 'Escape') hide(); });
  document.addEventListener('copy', copyTokens);
}

/** Line feeds and tabs are drawn as one glyph: put the characters themselves on the clipboard. */
function copyTokens(event) {
  const selection = document.getSelection();
  if (!selection.rangeCount || !event.clipboardData) return;
  const range = selection.getRangeAt(0);
  const around = range.commonAncestorContainer;
  const line = (around.nodeType === Node.ELEMENT_NODE ? around : around.parentElement).closest('.tokens');
  if (!line) return;
  const copied = range.cloneContents();
  for (const hidden of copied.querySelectorAll('.sr')) hidden.remove();
  event.clipboardData.setData('text/plain', copied.textContent);
  event.preventDefault();
}
