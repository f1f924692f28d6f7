/** Which features a reader asked for, and in what order: a pure function of the listing and the URL's query. */
import {isMissing} from './format.js';

const FLAGS = ['verified', 'robust', 'beyond_token'];
const WORDS = ['verdict', 'outcome', 'bottom_verdict'];
const FILTERS = ['q', 'group', 'score', 'min', 'max', 'token', 'dup', ...WORDS, ...FLAGS];

/** Rows of the listing, filtered and sorted. `groups` are the run's, by which the listing's numbers of groups are named. */
export function selectRows(table, groups, query) {
  const tests = testsOf(table, groups, query);
  const order = sortedRows(table, query.get('sort') || '');
  return tests.length ? order.filter((row) => tests.every((test) => test(row))) : order;
}

/** The query with nothing but filters and order: what makes two lists the same. */
export function listQuery(query) {
  const kept = new URLSearchParams();
  for (const name of [...FILTERS, 'sort']) if (query.get(name)) kept.set(name, query.get(name));
  return kept;
}

/** Whether anything is filtered out. */
export function isFiltered(query) {
  return FILTERS.some((name) => name !== 'score' && query.get(name));
}

function testsOf(table, groups, query) {
  const tests = [];
  const given = (name, make) => { if (query.get(name)) tests.push(make(query.get(name), table.column(name))); };
  given('q', (text) => searchTest(table, text.trim().toLowerCase()));
  given('group', (name) => {
    const index = groups.findIndex((group) => group.name === name);
    const members = table.column('groups');
    return (row) => members[row] !== null && members[row].includes(index);
  });
  for (const name of WORDS) given(name, (word, column) => (row) => (word === 'none' ? isMissing(column[row]) : column[row] === word));
  for (const name of FLAGS) given(name, (word, column) => (row) => column[row] === (word === 'yes'));
  given('token', (text) => {
    const column = table.column('top_token');
    const wanted = text.toLowerCase();
    return (row) => !isMissing(column[row]) && column[row].toLowerCase().includes(wanted);
  });
  given('dup', (word) => {
    const column = table.column('duplicate_of');
    return (row) => isMissing(column[row]) === (word === 'hide');
  });
  const scores = table.column(query.get('score') || 'balanced_accuracy');
  given('min', (text) => (row) => !isMissing(scores[row]) && scores[row] >= Number(text));
  given('max', (text) => (row) => !isMissing(scores[row]) && scores[row] <= Number(text));
  return tests;
}

/** Words in any order, in the label, the top token or the feature's number. */
function searchTest(table, text) {
  const words = text.split(/\s+/).filter(Boolean).map((word) => [word, /^#?\d+$/.test(word) ? Number(word.replace('#', '')) : -1]);
  const texts = searchTexts(table);
  const features = table.column('feature');
  return (row) => words.every(([word, number]) => texts[row].includes(word) || features[row] === number);
}

const searchable = new WeakMap();

function searchTexts(table) {
  if (!searchable.has(table)) {
    const labels = table.column('label');
    const tokens = table.column('top_token');
    searchable.set(table, labels.map((label, row) => `${label || ''} ${tokens[row] || ''}`.toLowerCase()));
  }
  return searchable.get(table);
}

const orders = new WeakMap();

/** All rows by a column ("-name" from the largest), those without a value last, ties by number; kept for the next keystroke. */
function sortedRows(table, sort) {
  if (!orders.has(table)) orders.set(table, new Map());
  const known = orders.get(table);
  if (!known.has(sort)) known.set(sort, sort ? byColumn(table, sort.replace(/^-/, ''), sort.startsWith('-') ? -1 : 1) : labelledFirst(table));
  return known.get(sort);
}

function byColumn(table, name, direction) {
  const features = table.column('feature');
  const keys = table.column(name).map((value) => (typeof value === 'string' ? value.toLowerCase() : value));
  const rows = Array.from({length: table.n}, (_, row) => row);
  const measured = rows.filter((row) => !isMissing(keys[row]));
  measured.sort((a, b) => (keys[a] < keys[b] ? -direction : keys[a] > keys[b] ? direction : features[a] - features[b]));
  return [...measured, ...rows.filter((row) => isMissing(keys[row]))];
}

/** Without a wish: features somebody asked about, then the others, each by number. */
function labelledFirst(table) {
  const outcomes = table.column('outcome');
  const rows = Array.from({length: table.n}, (_, row) => row);
  return [...rows.filter((row) => !isMissing(outcomes[row])), ...rows.filter((row) => isMissing(outcomes[row]))];
}
