/** The listing as a table: columns unpacked, and what a reader is told of each. */
import {DASH, asCount, asFigure, asFixed, asPercent, isMissing, labelText, outcomeText, tokenName, verdictBadge, yesNo} from './format.js';
import {el} from './dom.js';

const token = (value) => (isMissing(value) ? el('span', {class: 'dim'}, DASH) : tokenName(value));
const fixed = (digits) => (value) => asFixed(value, digits);
const named = (value) => (isMissing(value) ? DASH : String(value).replaceAll('_', ' '));

/** key, heading, how a value is shown, whether it is a number, whether it stands in the table from the start, what it means. */
const KNOWN = [
  ['feature', 'Feature', null, true, true, 'The number of the feature in its SAE'],
  ['label', 'Label', labelText, false, true, 'What the labeler named it'],
  ['verdict', 'Verdict', verdictBadge, false, true, 'One meaning or several, says the labeler'],
  ['balanced_accuracy', 'Detection', fixed(3), true, true, 'Balanced accuracy of the label on held-out text; 0.5 is chance'],
  ['verified', 'Verified', (value) => yesNo(value), false, true, 'The label predicts held-out activity better than no label and a wrong one'],
  ['robust', 'Robust', (value) => yesNo(value), false, true, 'Verified, and it also finds the weakest tenth of activations'],
  ['selectivity', 'Selectivity', fixed(2), true, true, 'Mean activation over the logarithm of how often it fires'],
  ['density', 'Density', (value) => (value > 0 && value < 0.00001 ? '< 0.001 %' : asPercent(value, 3)), true, true, 'Share of tokens on which it fires'],
  ['max_activation', 'Maximum', asFigure, true, true, 'Its largest activation'],
  ['top_token', 'Top token', token, false, true, 'The most frequent token at the peaks of its strongest contexts'],
  ['outcome', 'Outcome', outcomeText, false, false, 'How asking for the label ended'],
  ['n_active', 'Active tokens', asCount, true, false, 'Tokens on which it fires'],
  ['rank', 'Rank', asCount, true, false, 'Its place by selectivity; 1 is the most selective'],
  ['duplicate_of', 'Duplicate of', (value) => (isMissing(value) ? DASH : String(value)), true, false, 'The feature that says the same'],
  ['bottom_verdict', 'Weakest tenth', named, false, false, 'Whether the label tells the weakest tenth of activations from hard negatives'],
  ['beyond_token', 'Beyond token', (value) => yesNo(value), false, false, 'Better than naming the usual token'],
];

/** What to call a feature in a line: its label, or else the token it fires on most. */
export function featureName(table, feature) {
  const row = table.rowOf(feature);
  const [label, top] = [table.column('label')[row], table.column('top_token')[row]];
  if (label || isMissing(top)) return labelText(label);
  return el('span', {class: 'dim'}, 'not labelled, top token ', tokenName(top));
}

const NOT_SHOWN = new Set(['groups']);

/** Columns that a listing has values in: {key, title, show, isNumber, isFirst, hint}; those without a name of ours come last. */
export function columnsOf(table) {
  const known = KNOWN.filter(([key]) => table.has(key)).map(([key, title, show, isNumber, isFirst, hint]) =>
    ({key, title, show: show || String, isNumber, isFirst, hint}));
  const names = new Set(KNOWN.map(([key]) => key));
  const other = table.names.filter((key) => !names.has(key) && !NOT_SHOWN.has(key) && table.has(key)).map((key) => {
    const isNumber = table.column(key).some((value) => typeof value === 'number');
    const show = isNumber ? asFigure : (value) => (typeof value === 'boolean' ? yesNo(value) : isMissing(value) ? DASH : String(value));
    return {key, title: capital(key.replaceAll('_', ' ')), show, isNumber, isFirst: false, hint: `The column ${key} of the scores`};
  });
  return [...known, ...other];
}

function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** The listing with its columns as arrays of n values: {n, names, column(name), has(name), rowOf(feature)}. */
export function unpackListing(listing) {
  const columns = new Map();
  const unpack = (name) => {
    if (!columns.has(name)) columns.set(name, unpackColumn(listing.columns[name], listing.n, unpack));
    return columns.get(name);
  };
  const names = Object.keys(listing.columns);
  const rows = new Map(unpack('feature').map((feature, row) => [feature, row]));
  const empty = new Array(listing.n).fill(null);
  const column = (name) => (names.includes(name) ? unpack(name) : empty);
  return {
    n: listing.n,
    names,
    column,
    has: (name) => column(name).some((value) => !isMissing(value)),
    rowOf: (feature) => (rows.has(feature) ? rows.get(feature) : -1),
  };
}

/** "range" for 0..n-1, a full array, {index, value} where most are null, {codes, values} of few values, {column, times} of another. */
function unpackColumn(packed, n, unpack) {
  if (packed === 'range') return Array.from({length: n}, (_, i) => i);
  if (Array.isArray(packed)) return packed;
  if (packed.codes) return packed.codes.map((code) => (code === null ? null : packed.values[code]));
  if (packed.column) return unpack(packed.column).map((value) => (value === null ? null : value * packed.times));
  const values = new Array(n).fill(null);
  packed.index.forEach((row, i) => { values[row] = packed.value[i]; });
  return values;
}
