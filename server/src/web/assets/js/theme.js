// @ts-check
// Runs in the head before the first paint, so that a chosen theme never flashes. Without a choice the system decides.
(() => {
  const root = document.documentElement;
  const KEY = 'holdfast-theme';
  const WORDS = { system: 'System', light: 'Light', dark: 'Dark' };

  /** @returns {'system' | 'light' | 'dark'} */
  function chosenTheme() {
    try {
      const stored = localStorage.getItem(KEY);
      return stored === 'light' || stored === 'dark' ? stored : 'system';
    } catch {
      return 'system';
    }
  }

  /** @param {'system' | 'light' | 'dark'} theme */
  function applyTheme(theme) {
    if (theme === 'system') root.removeAttribute('data-theme');
    else root.setAttribute('data-theme', theme);
    for (const word of document.querySelectorAll('[data-theme-word]')) word.textContent = WORDS[theme];
  }

  root.classList.add('js');
  applyTheme(chosenTheme());

  document.addEventListener('DOMContentLoaded', () => applyTheme(chosenTheme()));
  window.addEventListener('storage', (event) => {
    if (event.key === KEY) applyTheme(chosenTheme());
  });
  document.addEventListener('click', (event) => {
    if (!(event.target instanceof Element) || event.target.closest('[data-theme-toggle]') === null) return;
    /** @type {('system' | 'light' | 'dark')[]} */
    const order = ['system', 'light', 'dark'];
    const next = order[(order.indexOf(chosenTheme()) + 1) % order.length] ?? 'system';
    try {
      if (next === 'system') localStorage.removeItem(KEY);
      else localStorage.setItem(KEY, next);
    } catch {
      // Private windows may refuse storage: the choice then lasts as long as the page.
    }
    applyTheme(next);
  });
})();
