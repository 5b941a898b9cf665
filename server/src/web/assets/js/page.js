// @ts-check
// What a page gains from JavaScript: keys, copy buttons, ticking times, filters that apply themselves.
(() => {
  const TICK_MS = 1000;
  const SEQUENCE_MS = 1200;
  const COPIED_MS = 1600;
  const FILTER_DELAY_MS = 300;
  const NBSP = '\u00a0';
  const SEARCH_HASH = '#search';

  // Relative times tick by the same words the server uses

  /** @param {number} ms */
  function spanOf(ms) {
    const span = Math.abs(ms);
    if (span < 60e3) return `${Math.round(span / 1e3)}${NBSP}s`;
    if (span < 3600e3) return `${Math.floor(span / 60e3)}${NBSP}min`;
    if (span < 2 * 86400e3) return `${Math.floor(span / 3600e3)}${NBSP}h`;
    return `${Math.floor(span / 86400e3)}${NBSP}days`;
  }

  // The page's clock is the server's: what it wrote when the page came is the truth to tick from.
  const served = Date.parse(document.querySelector('meta[name="holdfast-now"]')?.getAttribute('content') ?? '');
  const skew = Number.isNaN(served) ? 0 : served - Date.now();

  function tick() {
    if (document.hidden) return;
    const now = Date.now() + skew;
    for (const element of document.querySelectorAll('time[data-tick]')) {
      const ms = Date.parse(element.getAttribute('datetime') ?? '') - now;
      if (Number.isNaN(ms) || Math.abs(ms) >= 90 * 86400e3) continue;
      const text = Math.abs(ms) < 5e3 ? 'now' : ms < 0 ? `${spanOf(ms)} ago` : `in ${spanOf(ms)}`;
      if (element.textContent !== text) element.textContent = text;
    }
  }
  setInterval(tick, TICK_MS);

  /** The reader's own clock, beside the zone the page is written in. @param {Event} event */
  function addLocalTime(event) {
    const element = event.target instanceof Element ? event.target.closest('time[datetime]') : null;
    if (element === null || element.hasAttribute('data-local')) return;
    const at = new Date(element.getAttribute('datetime') ?? '');
    if (Number.isNaN(at.getTime())) return;
    element.setAttribute('data-local', '');
    const stamp = element.getAttribute('title') ?? element.textContent ?? '';
    element.setAttribute('title', `${stamp}\nhere: ${at.toLocaleString()}`);
  }
  document.addEventListener('pointerover', addLocalTime, { passive: true });
  document.addEventListener('focusin', addLocalTime);

  // Copy

  /** The log whose lines a button takes. @param {Element} button */
  function findCopiedLog(button) {
    const id = button.getAttribute('data-copy-lines');
    return id === null ? null : document.getElementById(id);
  }

  /** One line of text for each line of a log: time, level, words. @param {Element} log */
  function readLines(log) {
    return [...log.querySelectorAll('.log-line')].map((line) => [...line.children].map((part) => part.textContent).join(' '));
  }

  /** @param {Element} button */
  async function copyFrom(button) {
    const word = button.querySelector('[data-copy-word]');
    const log = findCopiedLog(button);
    let said = 'Copied';
    try {
      await navigator.clipboard.writeText(log === null ? (button.getAttribute('data-copy') ?? '') : readLines(log).join('\n'));
    } catch {
      // Without https there is no clipboard: the text is selected instead, ready for the keyboard.
      const text = log?.querySelector('.log-lines') ?? button.parentElement?.querySelector('.copy-text');
      if (text) getSelection()?.selectAllChildren(text);
      said = 'Press Ctrl+C';
    }
    if (word === null) return;
    word.textContent = said;
    setTimeout(() => {
      word.textContent = 'Copy';
    }, COPIED_MS);
  }

  document.addEventListener('click', (event) => {
    const target = event.target instanceof Element ? event.target : null;
    const button = target?.closest('[data-copy], [data-copy-lines]');
    if (button) void copyFrom(button);
    if (target?.closest('[data-help-open]')) openHelp();
  });

  // Filters apply themselves

  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let filterTimer;
  /** @param {Event} event @param {number} delayMs */
  function applyFilter(event, delayMs) {
    const form = event.target instanceof Element ? event.target.closest('form[data-auto-submit]') : null;
    if (!(form instanceof HTMLFormElement) || form.hasAttribute('hx-get')) return;
    clearTimeout(filterTimer);
    filterTimer = setTimeout(() => form.requestSubmit(), delayMs);
  }
  document.addEventListener('change', (event) => {
    if (
      event.target instanceof HTMLSelectElement ||
      (event.target instanceof HTMLInputElement && event.target.type === 'checkbox')
    )
      applyFilter(event, 0);
  });
  // A search box is emptied by its own cross.
  document.addEventListener('search', (event) => applyFilter(event, FILTER_DELAY_MS));

  // Filters that follow the typing keep the address true, so that a reload or a shared link shows the same.
  document.addEventListener('htmx:after:swap', (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || !form.matches('.toolbar-form')) return;
    const query = [...new FormData(form)]
      .filter(([, value]) => typeof value === 'string' && value !== '')
      .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(String(value))}`);
    const path = form.getAttribute('action') ?? location.pathname;
    history.replaceState(history.state, '', query.length === 0 ? path : `${path}?${query.join('&')}`);
  });

  // Enter in a search among the choices of a field searches, whatever its form does otherwise.
  document.addEventListener('keydown', (event) => {
    const box = event.target;
    if (event.key !== 'Enter' || event.isComposing || !(box instanceof HTMLElement)) return;
    if (!box.hasAttribute('data-enter-clicks-next')) return;
    event.preventDefault();
    const next = box.nextElementSibling;
    if (next instanceof HTMLButtonElement) next.click();
  });

  // Keys

  let sequence = '';
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let sequenceTimer;

  /** @param {EventTarget | null} target */
  function isTyping(target) {
    return (
      target instanceof HTMLElement &&
      (target.isContentEditable || target.matches('input:not([type="checkbox"],[type="radio"]), textarea, select'))
    );
  }

  function openHelp() {
    const help = document.getElementById('help');
    if (help instanceof HTMLDialogElement && !help.open) help.showModal();
  }

  function search() {
    const field = document.querySelector('[data-search]');
    const url = document.getElementById('help')?.getAttribute('data-search-url');
    if (field instanceof HTMLInputElement) {
      field.focus();
      field.select();
    } else if (url) location.assign(url + SEARCH_HASH);
  }

  // Sent here by `/` from a page without a search of its own: what is typed next is the search.
  if (location.hash === SEARCH_HASH && document.querySelector('[data-search]') !== null) {
    history.replaceState(history.state, '', location.pathname + location.search);
    search();
  }

  function rowLinks() {
    return [...document.querySelectorAll('#main [data-row]')].flatMap(
      (row) => row.querySelector('a[href], button:not([popovertarget])') ?? [],
    );
  }

  // The focus is the cursor, so it survives a live update as focus does.
  /** @param {number} step */
  function moveRow(step) {
    const links = rowLinks();
    const row = document.activeElement?.closest('[data-row]');
    const from = row == null ? -1 : links.findIndex((link) => row.contains(link));
    const to = from < 0 ? (step > 0 ? 0 : links.length - 1) : Math.min(links.length - 1, Math.max(0, from + step));
    const link = links[to];
    if (link instanceof HTMLElement) link.focus();
  }

  /** @param {string} key */
  function goTo(key) {
    const link = document.querySelector(`#side-nav [data-key="${CSS.escape(key)}"]`);
    if (link instanceof HTMLAnchorElement) link.click();
  }

  /** @param {KeyboardEvent} event */
  function onEscape(event) {
    const active = document.activeElement;
    if (active instanceof HTMLElement && (isTyping(active) || active.closest('[data-row]'))) active.blur();
    const menu = document.querySelector('.side-fold[open]');
    if (menu instanceof HTMLDetailsElement && !event.defaultPrevented) menu.open = false;
  }

  document.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') onEscape(event);
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || isTyping(event.target)) return;
    if (document.querySelector('dialog[open], :popover-open') !== null) return;
    if (sequence === 'g') {
      sequence = '';
      clearTimeout(sequenceTimer);
      goTo(event.key);
      event.preventDefault();
      return;
    }
    const act = { '/': search, '?': openHelp, j: () => moveRow(1), k: () => moveRow(-1) }[event.key];
    if (act !== undefined) {
      event.preventDefault();
      act();
    } else if (event.key === 'g') {
      sequence = 'g';
      sequenceTimer = setTimeout(() => {
        sequence = '';
      }, SEQUENCE_MS);
    }
  });

  // One box ticks all rows of its page, and shows whether all are.

  /** The boxes of a form, but for the one that ticks them. @param {string} form */
  function boxesOf(form) {
    return [...document.querySelectorAll(`.cell-select input[form="${CSS.escape(form)}"]`)].filter(
      (box) => box instanceof HTMLInputElement,
    );
  }

  /** @param {string} form */
  function showWhetherAll(form) {
    const all = document.querySelector(`[data-choose-all="${CSS.escape(form)}"]`);
    if (!(all instanceof HTMLInputElement)) return;
    const boxes = boxesOf(form);
    const ticked = boxes.filter((one) => one.checked).length;
    all.checked = ticked > 0 && ticked === boxes.length;
    all.indeterminate = ticked > 0 && ticked < boxes.length;
  }

  document.addEventListener('change', (event) => {
    const box = event.target;
    if (!(box instanceof HTMLInputElement) || box.closest('.cell-select') === null) return;
    const form = box.dataset['chooseAll'];
    if (form !== undefined) {
      for (const one of boxesOf(form)) one.checked = box.checked;
      return;
    }
    showWhetherAll(box.getAttribute('form') ?? '');
  });
  // Rows come and go by themselves too.
  document.addEventListener('htmx:after:swap', () => {
    for (const all of document.querySelectorAll('[data-choose-all]')) showWhetherAll(all.getAttribute('data-choose-all') ?? '');
  });

  // What is replaced takes the focus with it. Where its id comes again htmx hands it on; elsewhere the reader goes on at what came in
  // its place.

  /** @type {{ element: Element, before: Element | null, around: Element | null } | undefined} */
  let held;
  document.addEventListener('htmx:before:swap', () => {
    const element = document.activeElement;
    const part = element?.closest('li, [id]');
    held = element && part ? { element, before: part.previousElementSibling, around: part.parentElement } : undefined;
  });
  document.addEventListener('htmx:after:swap', () => {
    const active = document.activeElement;
    if (held === undefined || held.element.isConnected || (active !== null && active !== document.body)) return;
    const came = held.before === null ? held.around?.firstElementChild : held.before.nextElementSibling;
    const next = came?.querySelector('a[href], button, input, select, textarea') ?? held.around?.closest('[tabindex]');
    if (next instanceof HTMLElement) next.focus({ preventScroll: true });
  });

  // A tick stays while what it agrees to is the same, also where the part it stands in was asked for before it was set.

  /** @type {readonly (string | undefined)[]} */
  let agreed = [];
  document.addEventListener('htmx:before:swap', () => {
    const ticked = /** @type {NodeListOf<HTMLInputElement>} */ (document.querySelectorAll('input[data-agreed]:checked'));
    agreed = [...ticked].map((box) => box.dataset['agreed']);
  });
  document.addEventListener('htmx:after:swap', () => {
    const boxes = /** @type {NodeListOf<HTMLInputElement>} */ (document.querySelectorAll('input[data-agreed]'));
    for (const box of boxes) if (agreed.includes(box.dataset['agreed'])) box.checked = true;
  });

  // A question that is closed leaves the reader where it was asked

  document.addEventListener(
    'toggle',
    (event) => {
      const closed = event.target;
      if (!(closed instanceof HTMLElement) || !closed.hasAttribute('popover') || closed.matches(':popover-open')) return;
      const active = document.activeElement;
      if (active !== null && active !== document.body && !closed.contains(active)) return;
      const opener = document.querySelector(`[popovertarget="${CSS.escape(closed.id)}"][aria-haspopup]`);
      if (opener instanceof HTMLElement) opener.focus({ preventScroll: true });
    },
    true,
  );

  // A form answered with errors puts the reader at the summary; a sent form cannot be sent twice.

  const summary = document.querySelector('[data-focus]:not(.gallery *)');
  if (summary instanceof HTMLElement) summary.focus();
  document.addEventListener('htmx:after:swap', (event) => {
    const refused = event.target instanceof HTMLFormElement ? event.target.querySelector(':scope > [data-focus]') : null;
    if (!(refused instanceof HTMLElement)) return;
    for (const fold of refused.parentElement?.querySelectorAll('details:has(.field-wrong)') ?? []) fold.setAttribute('open', '');
    refused.focus();
  });
  document.addEventListener('submit', (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || form.method !== 'post' || event.defaultPrevented) return;
    if (form.hasAttribute('data-sent')) {
      event.preventDefault();
      return;
    }
    form.setAttribute('data-sent', '');
    setTimeout(() => form.removeAttribute('data-sent'), 4000);
  });
})();
