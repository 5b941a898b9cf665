// @ts-check
// Logs: lines that arrive are appended as text, never as markup. The view follows its end until the reader scrolls up,
// then offers the way back. A page holds so many lines: the oldest that nobody looks at give way to a mark that counts them.
(() => {
  const MOST_LOG_LINES = 5000;
  /** So many more are let go at once: finding what the reader sees is not done for each that comes. */
  const LINES_AT_ONCE = 250;
  /** Lines above and below what is being read that stay as well. */
  const LINES_AROUND = 200;
  /** As the server writes them: what would hide or reorder what the reader sees is shown as U+FFFD. */
  const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

  /** @type {Map<string, Intl.DateTimeFormat>} */
  const clocks = new Map();
  /**
   * Whether a log takes its reader along, and how far down they were last: only they themselves go up, whatever comes below them and
   * however much at once. @type {WeakMap<Element, { follows: boolean, top: number }>}
   */
  const readers = new WeakMap();

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

  /** @param {Element} scroller */
  function readerOf(scroller) {
    const known = readers.get(scroller);
    if (known !== undefined) return known;
    const reader = { follows: isAtEnd(scroller), top: scroller.scrollTop };
    readers.set(scroller, reader);
    return reader;
  }

  /** @param {Element} scroller */
  function goToEnd(scroller) {
    scroller.scrollTop = scroller.scrollHeight;
    readers.set(scroller, { follows: true, top: scroller.scrollTop });
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
    const { follows } = readerOf(scroller);
    let last = Number([...list.querySelectorAll('.log-line')].at(-1)?.getAttribute('data-n') ?? -1);
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
    if (list.childElementCount > MOST_LOG_LINES + LINES_AT_ONCE) letGo(list, follows ? undefined : scroller);
    if (follows) goToEnd(scroller);
    showLatestButton(container, !follows);
  }

  /** The first and the last of a list's lines that the reader sees. @param {Element} scroller @param {readonly Element[]} lines */
  function findSeen(scroller, lines) {
    const { top, bottom } = scroller.getBoundingClientRect();
    /** @param {(box: DOMRect) => boolean} isBelow */
    const findFirst = (isBelow) => {
      let [low, high] = [0, lines.length];
      while (low < high) {
        const middle = (low + high) >> 1;
        const line = lines[middle];
        if (line !== undefined && isBelow(line.getBoundingClientRect())) high = middle;
        else low = middle + 1;
      }
      return low;
    };
    return { first: findFirst((box) => box.bottom > top), last: findFirst((box) => box.top >= bottom) - 1 };
  }

  /** Takes the oldest lines out until so many are left as a page holds; where a scroller is given, none near what it shows. @param {Element} list @param {Element | undefined} scroller */
  function letGo(list, scroller) {
    const lines = [...list.children];
    const seen = scroller === undefined ? undefined : findSeen(scroller, lines);
    const anchor = seen === undefined ? undefined : lines[seen.first];
    const before = anchor?.getBoundingClientRect().top ?? 0;
    let left = lines.filter((line) => !isGap(line)).length - MOST_LOG_LINES;
    for (const [place, line] of lines.entries()) {
      if (left === 0) break;
      const isNear = seen !== undefined && place >= seen.first - LINES_AROUND && place <= seen.last + LINES_AROUND;
      if (isNear || isGap(line)) continue;
      replaceByGap(line);
      left -= 1;
    }
    if (scroller !== undefined && anchor !== undefined) scroller.scrollTop += anchor.getBoundingClientRect().top - before;
  }

  /** @param {Element | null} line @returns {line is HTMLElement} */
  function isGap(line) {
    return line instanceof HTMLElement && line.classList.contains('log-gap');
  }

  /** The mark before or after a line counts it too; where there is none one takes its place. @param {Element} line */
  function replaceByGap(line) {
    const { previousElementSibling: above, nextElementSibling: below } = line;
    const gap = isGap(above) ? above : isGap(below) ? below : document.createElement('li');
    const joined = isGap(above) && isGap(below) ? Number(below.dataset['lines']) : 0;
    if (joined > 0) below?.remove();
    const count = Number(gap.dataset['lines'] ?? 0) + joined + 1;
    gap.className = 'log-gap';
    gap.dataset['lines'] = String(count);
    gap.textContent = `${count.toLocaleString('en')} ${count === 1 ? 'line is' : 'lines are'} not kept on this page. The whole log can be downloaded.`;
    if (isGap(above) || isGap(below)) line.remove();
    else line.replaceWith(gap);
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
      if (scroller === null) continue;
      // The first look is at the end; what comes by a morph moves nobody who reads further up, and hides no way back.
      if (readers.get(scroller)?.follows ?? true) goToEnd(scroller);
      else showLatestButton(container, true);
    }
  }

  document.addEventListener(
    'scroll',
    (event) => {
      if (!(event.target instanceof Element) || !event.target.matches('.log-scroll')) return;
      const reader = readerOf(event.target);
      if (isAtEnd(event.target)) reader.follows = true;
      else if (event.target.scrollTop < reader.top) reader.follows = false;
      reader.top = event.target.scrollTop;
      const container = event.target.closest('.log');
      // Whoever scrolls up in a log that goes on is offered the way back at once, even while nothing new comes.
      if (container !== null && (reader.follows || container.hasAttribute('data-live-log')))
        showLatestButton(container, !reader.follows);
    },
    true,
  );
  document.addEventListener('click', (event) => {
    const button = event.target instanceof Element ? event.target.closest('.log-latest') : null;
    const container = button?.closest('.log');
    const scroller = container?.querySelector('.log-scroll');
    if (container === null || container === undefined || scroller === null || scroller === undefined) return;
    goToEnd(scroller);
    showLatestButton(container, false);
  });

  document.addEventListener('holdfast:log', (event) => {
    if (event.target instanceof Element) appendLines(event.target, /** @type {CustomEvent} */ (event).detail);
  });
  document.addEventListener('htmx:after:swap', () => startLogs(document.body));
  startLogs(document.body);
})();
