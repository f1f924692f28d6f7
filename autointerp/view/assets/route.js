/** Where the reader is, as the part of the URL after #: a page, and the state of its filters. */

/** {page: "list" | "feature" | "compare" | "text", feature: number | null, query: URLSearchParams} of a hash. */
export function parseRoute(hash) {
  const [path, query] = splitOnce(hash.replace(/^#\/?/, ''), '?');
  const feature = /^feature\/(\d{1,12})$/.exec(path);
  const page = feature ? 'feature' : path === 'compare' || path === 'text' || path === '' ? path || 'list' : 'unknown';
  return {page, feature: feature ? Number(feature[1]) : null, query: new URLSearchParams(query)};
}

function splitOnce(text, mark) {
  const at = text.indexOf(mark);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

/** The hash of a page; empty values of the query are left out. */
export function routeHash(path, query) {
  const kept = new URLSearchParams();
  for (const [name, value] of query || []) if (value !== '') kept.set(name, value);
  const text = kept.toString();
  return `#/${path}${text ? `?${text}` : ''}`;
}

/** The URL of a feature that remembers the list it was opened from. */
export function featureHash(feature, query) {
  const kept = new URLSearchParams(query || '');
  kept.delete('page');
  return routeHash(`feature/${feature}`, kept);
}

/** Put a changed query into the URL without a step in the history. */
export function rewriteQuery(path, query) {
  history.replaceState(null, '', routeHash(path, query));
}
