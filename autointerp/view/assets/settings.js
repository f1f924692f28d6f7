/** What a reader chose and the browser remembers, where it may. */

export function remembered(name, fallback) {
  try {
    return localStorage.getItem(`autointerp.${name}`) || fallback;
  } catch {
    return fallback;
  }
}

export function remember(name, value) {
  try {
    localStorage.setItem(`autointerp.${name}`, value);
  } catch {
    // a page opened from disk may have no storage: the choice holds until it is closed
  }
}

const THEMES = ['auto', 'light', 'dark'];

/** Set the colours: "auto" follows the system. */
export function applyTheme(theme) {
  document.documentElement.dataset.theme = THEMES.includes(theme) ? theme : 'auto';
}

/** The theme after this one: from automatic to what the system does not show, and on. */
export function nextTheme() {
  const now = document.documentElement.dataset.theme;
  const dark = matchMedia('(prefers-color-scheme: dark)').matches;
  const order = dark ? ['auto', 'light', 'dark'] : ['auto', 'dark', 'light'];
  return order[(order.indexOf(now) + 1) % order.length];
}
