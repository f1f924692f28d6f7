/** The keyboard: single keys, only where nothing is being typed, and only while the reader wants them. */
import {el} from './dom.js';
import {remember, remembered} from './settings.js';

const KEYS = [
  [['j', '→'], 'next feature, or next row of a list'],
  [['k', '←'], 'previous feature, or previous row'],
  [['/'], 'search'],
  [['Esc'], 'leave a field, close this, back to the list'],
  [['?'], 'this help'],
];

/** Listen to the keyboard; `actions` are {next, previous, search, back}. Returns the help dialog. */
export function startKeys(actions) {
  const dialog = helpDialog();
  document.body.append(dialog);
  document.addEventListener('keydown', (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = event.target.closest('input:not([type=checkbox]), textarea, select');
    if (event.key === 'Escape') {
      if (dialog.open) return;
      const menu = document.querySelector('details.menu[open]');
      if (menu) menu.open = false;
      else if (typing) typing.blur();
      else actions.back();
      return;
    }
    if (typing || dialog.open || remembered('keys', 'on') === 'off') return;
    const action = {j: actions.next, ArrowRight: actions.next, k: actions.previous, ArrowLeft: actions.previous, '/': actions.search, '?': () => dialog.showModal()}[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });
  document.addEventListener('click', (event) => {
    for (const menu of document.querySelectorAll('details.menu[open]')) if (!menu.contains(event.target)) menu.open = false;
  });
  return dialog;
}

function helpDialog() {
  const wanted = el('input', {type: 'checkbox', name: 'keys', change: () => remember('keys', wanted.checked ? 'on' : 'off')});
  wanted.checked = remembered('keys', 'on') === 'on';
  const dialog = el('dialog', {'aria-labelledby': 'help-title'}, el('h2', {id: 'help-title'}, 'Keyboard'),
    el('dl', {class: 'facts'}, KEYS.map(([keys, what]) => [el('dt', {}, keys.map((key) => [el('kbd', {}, key), ' '])), el('dd', {}, what)])),
    el('p', {}, 'On a shaded token the arrow keys go to the next one and tell its activation.'),
    el('p', {}, el('label', {class: 'check'}, wanted, el('span', {}, 'single keys act'))),
    el('p', {}, el('button', {type: 'button', class: 'primary', click: () => dialog.close()}, 'Close')));
  return dialog;
}

/** Move the focus from one feature of a list to the next. */
export function focusRow(direction) {
  const links = [...document.querySelectorAll('main a.feature-link')];
  const at = links.indexOf(document.activeElement);
  const next = links[Math.min(links.length - 1, Math.max(0, at + direction))];
  if (next) next.focus();
}
