// @ts-check
// What a page shows, kept up to date by the browser's one event stream (stream.js), which tabs share. An event's name is its
// topic, its data says what happened:
//   {"kind":"refresh","gap"?}                          elements with data-live="topic" are fetched again and morphed
//   {"kind":"counts","items":{id:{count?,alarm?}}}     what the lines of the side bar with data-count="id" count
//   {"kind":"log","lines":[{n,at,level,text}]}         given to data-live-log="topic" as a holdfast:log event (log.js);
//                                                     data-live-lines="topic" is fetched again, less often
//   {"kind":"progress","percent"?,"text","brief"?}              data-live-progress="topic" moves
// The stream reconnects by itself and goes on where it was; after a gap everything live is fetched once more.
(() => {
  /** Events of one change come together. */
  const REFRESH_DELAY_MS = 30;
  /** Lines come many times a second: what only counts them follows within this. */
  const LINES_DELAY_MS = 800;
  const TOPICS_DELAY_MS = 50;
  const DROPPED_NOTICE_MS = 1500;
  const SLEEP_AFTER_MS = 60000;
  const HERE_INTERVAL_MS = 30000;

  /** @type {MessagePort | undefined} */
  let port;
  let isAway = false;
  // The first look goes on where the page was read, a later one (other topics, a tab seen again) where the last one ended.
  let lastEventId = document.body.dataset['liveFrom'] ?? '';
  let dropped = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let noticeTimer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let topicsTimer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let sleepTimer;
  /** Swaps of ours that go on. */
  let morphing = 0;
  const looks = /** @type {any} */ (window)['holdfastLooks']({
    now: () => performance.now(),
    isAway: () => document.hidden,
    fetchPieces,
  });

  /** @param {string} attribute */
  function topicsIn(attribute) {
    return [...document.querySelectorAll(`[${attribute}]`)].flatMap((element) =>
      (element.getAttribute(attribute) ?? '').split(/\s+/),
    );
  }

  function wantedTopics() {
    const all = ['data-live', 'data-live-counts', 'data-live-log', 'data-live-progress'].flatMap(topicsIn);
    return [...new Set(all.filter((topic) => topic !== ''))].sort();
  }

  /** The elements whose attribute names the topic. @param {string} attribute @param {string} topic */
  function listenersOf(attribute, topic) {
    return [...document.querySelectorAll(`[${attribute}~="${CSS.escape(topic)}"]`)];
  }

  /** @param {string} text @param {{ label: string, act: () => void }} [action] */
  function showNotice(text, action) {
    const bar = document.getElementById('connection');
    if (bar === null || bar.firstChild?.nodeValue === text) return;
    bar.textContent = text;
    if (text !== '' && action !== undefined) {
      const button = document.createElement('button');
      button.type = 'button';
      button.textContent = action.label;
      button.addEventListener('click', action.act);
      bar.append(button);
    }
  }

  // The stream

  /** The stream inside this page, for a browser without shared workers. */
  function openOwnStream() {
    const { port1, port2 } = new MessageChannel();
    const serve = /** @type {any} */ (window)['holdfastStream'];
    if (serve !== undefined) serve(port2);
    else {
      const script = document.createElement('script');
      script.src = document.body.dataset['liveWorker'] ?? '';
      script.addEventListener('load', () => /** @type {any} */ (window)['holdfastStream'](port2));
      document.head.append(script);
    }
    return port1;
  }

  function openPort() {
    if (!('SharedWorker' in window)) return openOwnStream();
    const worker = new SharedWorker(document.body.dataset['liveWorker'] ?? '');
    worker.addEventListener('error', () => {
      listenTo(openOwnStream());
      connect();
    });
    return worker.port;
  }

  /** @param {MessagePort} opened */
  function listenTo(opened) {
    port = opened;
    port.onmessage = (event) => {
      const { kind, topic, text, id } = event.data;
      if (isAway) return;
      if (kind === 'event') {
        if (id !== '') lastEventId = id;
        receive(topic, text);
      } else if (kind === 'look') refreshAll();
      else if (kind === 'dropped' && !dropped) {
        dropped = true;
        noticeTimer = setTimeout(
          () => showNotice('The live connection dropped. Reconnecting…', { label: 'Reload', act: () => location.reload() }),
          DROPPED_NOTICE_MS,
        );
      } else if (kind === 'open' && dropped) {
        clearTimeout(noticeTimer);
        dropped = false;
        showNotice('');
        refreshAll();
      }
    };
  }

  /** Says what this page shows. After an absence it fetches all of it too, so that nothing old needs to be told. */
  function connect(again = false) {
    const url = document.body.dataset['liveStream'];
    if (url === undefined || isAway) return;
    if (port === undefined) listenTo(openPort());
    port?.postMessage({ kind: 'want', url, topics: wantedTopics(), from: lastEventId, again });
  }

  function disconnect() {
    isAway = true;
    port?.postMessage({ kind: 'leave' });
  }

  function comeBack() {
    isAway = false;
    connect(true);
    refreshAll();
  }

  /** @param {string} topic @param {string} text */
  function receive(topic, text) {
    let message;
    try {
      message = JSON.parse(text);
    } catch {
      return;
    }
    if (message === null || typeof message !== 'object') return;
    if (message.kind === 'refresh') {
      for (const element of listenersOf('data-live', topic)) scheduleRefresh(element);
      for (const element of listenersOf('data-live-counts', topic)) scheduleRefresh(element);
      // Lines of a log were lost: it comes again as a whole.
      if (message.gap === true) for (const element of listenersOf('data-live-log', topic)) scheduleRefresh(element);
    } else if (message.kind === 'counts' && typeof message.items === 'object' && message.items !== null) {
      showCounts(message.items);
    } else if (message.kind === 'progress') {
      for (const element of listenersOf('data-live-progress', topic)) showProgress(element, message);
    } else if (message.kind === 'log' && Array.isArray(message.lines)) {
      for (const element of listenersOf('data-live-log', topic)) {
        // What was asked for before these lines comes without them and takes them away again: once more, then.
        if (looks.isComing(element.getAttribute('data-live-get') ?? '', element.id)) scheduleRefresh(element);
        element.dispatchEvent(new CustomEvent('holdfast:log', { bubbles: true, detail: message.lines }));
      }
      for (const element of listenersOf('data-live-lines', topic)) scheduleRefresh(element);
    }
  }

  // Refresh: fetch the elements' own fragments and morph them in place; when is in looks.js

  function refreshAll() {
    for (const element of document.querySelectorAll('[data-live]')) scheduleRefresh(element);
  }

  /** @param {Element} element */
  function scheduleRefresh(element) {
    const url = element.getAttribute('data-live-get');
    if (element.id === '' || url === null) return;
    looks.want(url, element.id, element.hasAttribute('data-live-lines') ? LINES_DELAY_MS : REFRESH_DELAY_MS);
  }

  /** @param {string} url @param {readonly string[]} ids @param {string} tag */
  async function fetchPieces(url, ids, tag) {
    const elements = ids.flatMap((id) => document.getElementById(id) ?? []);
    const here = elements.filter((element) => element.getAttribute('data-live-get') === url);
    for (const element of elements) if (!here.includes(element)) scheduleRefresh(element);
    if (here.length === 0) return { tag: '', isSame: false };
    const isTagged = tag !== '' && here.length === ids.length;
    const response = await fetch(url, {
      headers: {
        'HX-Request': 'true',
        'Holdfast-Live': here.map(({ id }) => id).join(' '),
        Accept: 'text/html',
        ...(isTagged ? { 'If-None-Match': tag } : {}),
      },
      credentials: 'same-origin',
    });
    if (response.status === 304) return { tag, isSame: true };
    if (response.status === 401 || response.redirected)
      showNotice('You are signed out.', { label: 'Sign in', act: () => location.reload() });
    if (!response.ok || !(response.headers.get('content-type') ?? '').startsWith('text/html')) return { tag: '', isSame: false };
    const answer = new DOMParser().parseFromString(await response.text(), 'text/html');
    for (const { id } of here) await morph(id, url, answer.getElementById(id));
    return { tag: here.length === ids.length ? (response.headers.get('etag') ?? '') : '', isSame: false };
  }

  /** @param {string} id @param {string} url @param {Element | null} found */
  async function morph(id, url, found) {
    const target = document.getElementById(id);
    const htmx = /** @type {any} */ (window)['htmx'];
    // Meanwhile the element may have got another address: what it shows now is not what was asked for.
    if (target?.getAttribute('data-live-get') !== url || found === null || htmx === undefined) return;
    if (found.isEqualNode(target)) return;
    const held = document.activeElement;
    morphing += 1;
    try {
      await htmx.swap({ text: found.outerHTML, sourceElement: target, target, swap: 'outerMorph' });
    } finally {
      morphing -= 1;
    }
    followTitle();
    // A row that changes places is taken out and put back, and in some browsers what holds the focus in it lets go. And htmx hands the
    // focus to what has `autofocus`, such as the way out of an open question: that is meant for when it opens.
    const active = document.activeElement;
    const isLost = active === null || active === document.body;
    const isTaken = active instanceof HTMLElement && active !== held && active.hasAttribute('autofocus');
    if (isTaken && held === document.body) active.blur();
    else if ((isLost || isTaken) && held !== document.body && held instanceof HTMLElement && held.isConnected)
      held.focus({ preventScroll: true });
  }

  // What the tab is called, where a live part says it: a run that ended is not queued there for good. What follows it stays.

  const findTitle = () => (document.querySelector('[data-title]')?.getAttribute('data-title') ?? '').replace(/\s+/g, ' ').trim();
  let called = findTitle();
  function followTitle() {
    const title = findTitle();
    if (title === '' || called === '' || title === called || !document.title.startsWith(called)) return;
    document.title = title + document.title.slice(called.length);
    called = title;
  }

  // Counts of the side bar

  /** @param {Record<string, { count?: unknown, alarm?: unknown }>} items */
  function showCounts(items) {
    for (const link of document.querySelectorAll('[data-count]')) {
      const { count, alarm } = items[link.getAttribute('data-count') ?? ''] ?? {};
      const shown = link.querySelector('.side-count, .side-alarm');
      if (count === undefined) {
        shown?.remove();
        continue;
      }
      const mark = document.createElement('span');
      mark.className = alarm === undefined ? 'side-count' : 'side-alarm';
      mark.textContent = String(count);
      if (alarm !== undefined) {
        const words = document.createElement('span');
        words.className = 'visually-hidden';
        words.textContent = ` ${alarm}`;
        mark.append(words);
      }
      if (shown === null) link.append(mark);
      else if (!mark.isEqualNode(shown)) shown.replaceWith(mark);
    }
  }

  // Progress

  /** @param {Element} element @param {{ percent?: unknown, text?: unknown, brief?: unknown }} message */
  function showProgress(element, message) {
    const bar = element.querySelector('progress');
    const text = element.querySelector('.progress-text');
    if (bar !== null && typeof message.percent === 'number') bar.value = message.percent;
    if (text !== null && typeof message.text === 'string') text.textContent = message.text;
    const brief = element.querySelector('.progress-brief');
    if (brief !== null && typeof message.brief === 'string') brief.textContent = message.brief;
  }

  // What htmx asked for and did not get

  document.addEventListener('htmx:after:request', (event) => {
    const status = /** @type {any} */ (event).detail?.ctx?.response?.status;
    if (status === 401) showNotice('You are signed out.', { label: 'Sign in', act: () => location.reload() });
    else if (status >= 500)
      showNotice(`The server could not answer (${status}). Nothing was changed on this page.`, {
        label: 'Reload',
        act: () => location.reload(),
      });
    else if (!dropped) showNotice('');
  });
  document.addEventListener('htmx:error', () =>
    showNotice('The server cannot be reached.', { label: 'Reload', act: () => location.reload() }),
  );

  // Start, and again whenever a swap brings other topics

  function rescan() {
    clearTimeout(topicsTimer);
    topicsTimer = setTimeout(() => connect(), TOPICS_DELAY_MS);
  }

  document.addEventListener('htmx:after:swap', () => {
    if (morphing === 0) looks.forget();
    rescan();
  });
  document.addEventListener('visibilitychange', () => {
    clearTimeout(sleepTimer);
    if (document.hidden) {
      // What nobody looks at need not be told.
      sleepTimer = setTimeout(disconnect, SLEEP_AFTER_MS);
      return;
    }
    if (isAway) comeBack();
    looks.resume();
  });
  window.addEventListener('pageshow', (event) => {
    if (event.persisted) comeBack();
  });
  window.addEventListener('pagehide', disconnect);
  setInterval(() => connect(), HERE_INTERVAL_MS);
  connect();
})();
