/** The list of features: search, filters, order, a page of rows; the URL holds all of it. */
import {asCount} from './format.js';
import {choice, el} from './dom.js';
import {columnsOf} from './columns.js';
import {featureHash, rewriteQuery} from './route.js';
import {isFiltered, listQuery, selectRows} from './select.js';
import {pagedTable} from './paged.js';
import {runSummary} from './summary.js';

const SEARCH_DELAY_MS = 60;

/** The page as a list of nodes; `say` tells a screen reader how many features are left. */
export function listPage(run, table, query, say) {
  const columns = columnsOf(table);
  const place = el('div', {class: 'results'});
  const number = el('p', {class: 'count', role: 'status'});
  const draw = () => {
    const rows = selectRows(table, run.groups, query);
    number.textContent = rows.length === table.n ? `${asCount(table.n)} features` : `${asCount(rows.length)} of ${asCount(table.n)} features`;
    reset.hidden = !isFiltered(query);
    place.replaceChildren(resultTable(rows, table, shownColumns(columns, query), query, change));
  };
  const change = (changes, focus) => {
    for (const [name, value] of Object.entries({page: '', ...changes})) value === '' ? query.delete(name) : query.set(name, value);
    rewriteQuery('', query);
    draw();
    if (focus) place.querySelector(focus)?.focus();
  };
  const reset = el('button', {type: 'button', click: () => { location.hash = '#/'; say('Filters cleared'); }}, 'Clear filters');
  const controls = [el('div', {class: 'fields'}, searchField(query, change), columnMenu(columns, query, change), reset), el('div', {class: 'fields'}, filterFields(run, table, columns, query, change))];
  draw();
  return [runSummary(run), el('section', {class: 'list', 'aria-labelledby': 'features'},
    el('h2', {id: 'features'}, 'Features'), el('search', {}, controls), number, place)];
}

function searchField(query, change) {
  let timer = 0;
  const input = el('input', {type: 'search', id: 'search', name: 'q', value: query.get('q') || '', placeholder: 'label, token or number', autocomplete: 'off', spellcheck: 'false',
    input: () => { clearTimeout(timer); timer = setTimeout(() => input.isConnected && change({q: input.value}), SEARCH_DELAY_MS); }});
  return el('label', {class: 'field grow'}, el('span', {}, 'Search', el('kbd', {'aria-hidden': 'true'}, '/')), input);
}

/** A choice for each column of few values that this run has. */
function filterFields(run, table, columns, query, change) {
  const select = (label, name, options) => choice(label, name, [['', 'any'], ...options], query.get(name) || '', (value) => change({[name]: value}));
  const words = (name) => [...new Set(table.column(name).filter((value) => value !== null))].sort().map((value) => [value, value.toLowerCase().replaceAll('_', ' ')]);
  const flag = [['yes', 'yes'], ['no', 'no']];
  const fields = [];
  if (run.groups.length) fields.push(select('Group', 'group', run.groups.map((group) => [group.name, group.name])));
  if (table.has('verdict')) fields.push(select('Verdict', 'verdict', [...words('verdict'), ['none', 'none']]));
  if (words('outcome').length > 1) fields.push(select('Outcome', 'outcome', words('outcome')));
  if (table.has('verified')) fields.push(select('Verified', 'verified', flag));
  if (table.has('robust')) fields.push(select('Robust', 'robust', flag));
  if (table.has('bottom_verdict')) fields.push(select('Weakest tenth', 'bottom_verdict', words('bottom_verdict')));
  if (table.has('duplicate_of')) fields.push(select('Duplicates', 'dup', [['hide', 'hidden'], ['only', 'only']]));
  if (table.has('top_token')) fields.push(textField('Top token', 'token', query, change));
  return [...fields, scoreFields(columns, query, change)];
}

function textField(label, name, query, change) {
  return el('label', {class: 'field short'}, el('span', {}, label), el('input', {type: 'text', name, value: query.get(name) || '', autocomplete: 'off', spellcheck: 'false', input: (event) => change({[name]: event.target.value})}));
}

/** From, to, and of what: any column of numbers. */
function scoreFields(columns, query, change) {
  const numbers = columns.filter((column) => column.isNumber && column.key !== 'feature').map(({key, title}) => [key, title]);
  if (!numbers.length) return null;
  const chosen = query.get('score') || (numbers.some(([key]) => key === 'balanced_accuracy') ? 'balanced_accuracy' : numbers[0][0]);
  const bound = (label, name) => el('label', {class: 'field bound'}, el('span', {}, label), el('input', {type: 'number', step: 'any', name, value: query.get(name) || '', input: (event) => change({score: scored.querySelector('select').value, [name]: event.target.value})}));
  const scored = choice('Score', 'score', numbers, chosen, (score) => change({score}));
  return [scored, bound('from', 'min'), bound('to', 'max')];
}

/** Columns of the table beyond those it starts with. */
function columnMenu(columns, query, change) {
  const shown = new Set(shownColumns(columns, query).map(({key}) => key));
  const boxes = columns.filter(({key}) => key !== 'feature' && key !== 'label').map(({key, title}) => {
    const box = el('input', {type: 'checkbox', name: 'column', value: key, change: () => {
      box.checked ? shown.add(key) : shown.delete(key);
      change({cols: columns.filter((column) => shown.has(column.key)).map((column) => column.key).join(' '), page: query.get('page') || ''});
    }});
    box.checked = shown.has(key);
    return el('label', {class: 'check'}, box, el('span', {}, title));
  });
  return el('details', {class: 'menu'}, el('summary', {}, 'Columns'), el('div', {class: 'sheet'}, boxes));
}

function shownColumns(columns, query) {
  const wanted = query.get('cols') ? new Set(['feature', 'label', ...query.get('cols').split(' ')]) : null;
  return columns.filter((column) => (wanted ? wanted.has(column.key) : column.isFirst));
}

function resultTable(rows, table, columns, query, change) {
  const link = (row, text) => el('a', {href: featureHash(table.column('feature')[row], listQuery(query)), class: 'feature-link'}, text);
  const cells = columns.map((column) => {
    const values = table.column(column.key);
    return {...column, cell: column.key === 'feature' ? (row) => link(row, String(values[row])) : (row) => column.show(values[row])};
  });
  return pagedTable({
    caption: 'Features', columns: cells, rows, page: Number(query.get('page') || 1) - 1, sort: query.get('sort') || '',
    sorted: (sort) => change({sort}, `button[data-key="${sort.replace(/^-/, '')}"]`),
    turned: (page) => { change({page: page ? String(page + 1) : ''}); document.getElementById('features').scrollIntoView(); },
  });
}
