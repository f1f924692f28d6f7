/**
 * A long table, a page of rows at a time. A real table rather than rows drawn while scrolling: screen readers and find-in-page meet
 * ordinary rows of any height, the URL names the page, and the document stays small however many features there are.
 */
import {asCount} from './format.js';
import {el, scroller} from './dom.js';

const PAGE_ROWS = 100;

/**
 * `columns` are {key, title, isNumber, hint, cell(row)}, the first one heads its row; `sort` is "key", "-key" or ""; `sorted` and
 * `turned` are told of another order and another page (from 0). Without `sorted` the headings are plain.
 */
export function pagedTable({caption, columns, rows, page, sort, sorted, turned}) {
  const last = Math.max(0, Math.ceil(rows.length / PAGE_ROWS) - 1);
  const now = Math.min(Math.max(0, page), last);
  const first = now * PAGE_ROWS;
  const shown = rows.slice(first, first + PAGE_ROWS);
  const table = el('table', {class: 'paged', 'aria-rowcount': rows.length + 1, 'aria-label': caption},
    el('thead', {}, el('tr', {'aria-rowindex': 1}, columns.map((column) => columnHead(column, sort, sorted)))),
    el('tbody', {}, shown.map((row, i) => el('tr', {'aria-rowindex': first + i + 2}, columns.map((column, nth) =>
      el(nth ? 'td' : 'th', {class: cellClass(column), scope: nth ? null : 'row'}, column.cell(row)))))));
  return el('div', {class: 'paged-block'},
    scroller('div', 'wide flush', caption, table),
    rows.length ? null : el('p', {class: 'nothing dim'}, 'Nothing matches.'),
    last > 0 ? pageTurner(now, last, first, shown.length, rows.length, turned) : null);
}

function cellClass({key, isNumber}) {
  return `c-${key}${isNumber ? ' n' : ''}`;
}

function columnHead(column, sort, sorted) {
  if (!sorted) return el('th', {scope: 'col', class: cellClass(column), title: column.hint}, column.title);
  const [ascending, descending] = [sort === column.key, sort === `-${column.key}`];
  const next = descending ? column.key : ascending ? `-${column.key}` : column.isNumber && !['feature', 'rank'].includes(column.key) ? `-${column.key}` : column.key;
  return el('th', {scope: 'col', class: cellClass(column), 'aria-sort': ascending ? 'ascending' : descending ? 'descending' : 'none'},
    el('button', {type: 'button', class: 'sort', title: column.hint, 'data-key': column.key, click: () => sorted(next)}, column.title,
      el('span', {class: 'arrow', 'aria-hidden': 'true'}, ascending ? '▲' : descending ? '▼' : '')));
}

function pageTurner(now, last, first, n, total, turned) {
  const go = (text, name, page, possible) => el('button', {type: 'button', 'aria-label': name, disabled: !possible, click: () => turned(page)}, text);
  return el('nav', {class: 'turner', 'aria-label': 'Pages of the table'},
    go('«', 'First page', 0, now > 0), go('‹ Previous', 'Previous page', now - 1, now > 0),
    el('span', {}, `${asCount(first + 1)} to ${asCount(first + n)} of ${asCount(total)}`),
    go('Next ›', 'Next page', now + 1, now < last), go('»', 'Last page', last, now < last));
}
