// @ts-check
// Logs: lines that arrive are appended as text, never as markup. The view follows its end until the reader scrolls up,
// then offers the way back.
(() => {
  const MOST_LOG_LINES = 5000;
  /** As the server writes them: what would hide or reorder what the reader sees is shown as U+FFFD. */
  const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

  /** @type {Map<string, Intl.DateTimeFormat>} */
  const clocks = new Map();
  /** Logs already brought to their end once: a morph must not move a reader. @type {WeakSet<Element>} */
  const started = new WeakSet();

  /** @param {string} zone @param {unknown} at */
  function clock(zone, at) {
    let format = clocks.get(zone);
    if (format === undefined) {
      format = new Intl.DateTimeFormat('sv-SE', {
        hour: '2-digit',
        minute: '2-digit',
        second: '2-digit',
        fractionalSecondDigits: 3,
        hourCycle: 'h23',
        timeZone: zone,
      });
      clocks.set(zone, format);
    }
    return format.format(Number(at)).replace(',', '.');
  }

  /** @param {Element} log */
  function isAtEnd(log) {
    return log.scrollHeight - log.scrollTop - log.clientHeight < 24;
  }

  /** @param {string} name @param {string} text */
  function span(name, text) {
    const element = document.createElement('span');
    element.className = name;
    element.textContent = text;
    return element;
  }

  /** @param {string} text */
  function showHidden(text) {
    return text.replaceAll('\r\n', '\n').replace(HIDDEN, '\ufffd');
  }

  /** @param {Element} container @param {{ n: unknown, at: unknown, level: unknown, text: unknown }[]} lines */
  function appendLines(container, lines) {
    const scroller = container.querySelector('.log-scroll');
    const list = container.querySelector('.log-lines');
    if (scroller === null || list === null) return;
    const follow = isAtEnd(scroller);
    let last = Number(list.lastElementChild?.getAttribute('data-n') ?? -1);
    const fragment = document.createDocumentFragment();
    for (const line of lines) {
      const n = Number(line.n);
      if (!Number.isFinite(n) || n <= last) continue;
      last = n;
      const level = ['debug', 'info', 'warn', 'error'].includes(String(line.level)) ? String(line.level) : 'info';
      const item = document.createElement('li');
      item.className = `log-line log-${level}`;
      item.dataset['n'] = String(n);
      item.append(
        span('log-time', clock(container.getAttribute('data-zone') ?? 'UTC', line.at)),
        span('log-level', level),
        span('log-text', showHidden(String(line.text))),
      );
      fragment.append(item);
    }
    if (fragment.childNodes.length === 0) return;
    container.querySelector('.log-none')?.remove();
    list.append(fragment);
    while (follow && list.childElementCount > MOST_LOG_LINES) list.firstElementChild?.remove();
    if (follow) scroller.scrollTop = scroller.scrollHeight;
    showLatestButton(container, !follow);
  }

  /** @param {Element} container @param {boolean} shown */
  function showLatestButton(container, shown) {
    const button = container.querySelector('.log-latest');
    if (button instanceof HTMLElement) button.hidden = !shown;
  }

  /** @param {Element} root */
  function startLogs(root) {
    for (const container of root.querySelectorAll('[data-live-log]')) {
      const scroller = container.querySelector('.log-scroll');
      if (scroller === null || started.has(scroller)) continue;
      started.add(scroller);
      scroller.scrollTop = scroller.scrollHeight;
    }
  }

  document.addEventListener(
    'scroll',
    (event) => {
      if (event.target instanceof Element && event.target.matches('.log-scroll') && isAtEnd(event.target)) {
        const container = event.target.closest('.log');
        if (container !== null) showLatestButton(container, false);
      }
    },
    true,
  );
  document.addEventListener('click', (event) => {
    const button = event.target instanceof Element ? event.target.closest('.log-latest') : null;
    const container = button?.closest('.log');
    const scroller = container?.querySelector('.log-scroll');
    if (container === null || container === undefined || scroller === null || scroller === undefined) return;
    scroller.scrollTop = scroller.scrollHeight;
    showLatestButton(container, false);
  });

  document.addEventListener('holdfast:log', (event) => {
    if (event.target instanceof Element) appendLines(event.target, /** @type {CustomEvent} */ (event).detail);
  });
  document.addEventListener('htmx:after:swap', () => startLogs(document.body));
  startLogs(document.body);
})();
