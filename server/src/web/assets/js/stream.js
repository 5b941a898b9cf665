// @ts-check
// The one event stream of a browser, shared by all its tabs: as a shared worker, or inside the page where there is none.
// A tab sends through its port
//   {"kind":"want","url","topics":[…],"from","again"?}   what it shows and the id up to which it knows; again: it was away and
//                                                      fetches everything anew, so nothing before now needs to be told
//   {"kind":"leave"}
// and hears
//   {"kind":"event","topic","text","id"}   {"kind":"open"}   {"kind":"dropped"}   {"kind":"look"}: fetch everything again
// Whoever joins or shows something else reopens the stream where the tab that knows least stands; the others do not hear twice.
(() => {
  const REOPEN_DELAY_MS = 40;
  const TRIM_DELAY_MS = 10_000;
  const RETRY_MIN_MS = 2000;
  const RETRY_MAX_MS = 30_000;
  /** Tabs say every half minute that they are there; one that ended without a word is forgotten. */
  const SILENT_MS = 120_000;
  /** As many topics as the server takes. Tabs that asked longest ago go without what does not fit. */
  const TOPICS_MAX = 150;
  const UNKNOWN_ID = '0-0';

  /**
   * @typedef {{ postMessage(message: object): void, onmessage: ((event: any) => void) | null }} Port
   * @typedef {{ topics: Set<string>, from: string, askedAt: number, heardAt: number, served: boolean }} Tab
   * `from` is the id up to which a tab knows; empty when it does not know where it stands.
   */

  /** @type {Map<Port, Tab>} */
  const tabs = new Map();
  /** @type {EventSource | undefined} */
  let source;
  /** @type {Set<string>} */
  let openTopics = new Set();
  let openUrl = '';
  let position = '';
  let dropped = false;
  let retryMs = RETRY_MIN_MS;
  let asked = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let reopenTimer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let trimTimer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let retryTimer;

  /** @param {string} id */
  function readId(id) {
    const at = id.lastIndexOf('-');
    return { boot: id.slice(0, at), n: Number(id.slice(at + 1)) };
  }

  /** Whether `id` tells nothing new to somebody who knows up to `known`. @param {string} id @param {string} known */
  function isKnown(id, known) {
    if (id === '' || known === '') return false;
    const [one, other] = [readId(id), readId(known)];
    return one.boot === other.boot && one.n <= other.n;
  }

  /** @param {Tab} tab */
  const isCovered = (tab) => [...tab.topics].every((topic) => openTopics.has(topic));

  /** @param {object} message */
  function tellAll(message) {
    for (const port of tabs.keys()) port.postMessage(message);
  }

  /** The topics of the tabs that asked last, as many as fit. Marks who is served. */
  function chooseTopics() {
    const chosen = new Set();
    for (const tab of [...tabs.values()].sort((a, b) => b.askedAt - a.askedAt)) {
      const more = [...tab.topics].filter((topic) => !chosen.has(topic));
      tab.served = chosen.size + more.length <= TOPICS_MAX;
      if (tab.served) for (const topic of more) chosen.add(topic);
      else tab.from = '';
    }
    return chosen;
  }

  /** Where the stream has to begin for the one who knows least. */
  function findStart() {
    const known = [...tabs.values()].filter((tab) => tab.served && tab.from !== '').map((tab) => tab.from);
    const [first = position] = known;
    // Some pages are from before a restart of the server: an id that nobody gave out lets everything be fetched again.
    if (known.some((id) => readId(id).boot !== readId(first).boot)) return UNKNOWN_ID;
    return known.reduce((least, id) => (isKnown(id, least) ? id : least), first);
  }

  function reopen() {
    clearTimeout(reopenTimer);
    clearTimeout(trimTimer);
    clearTimeout(retryTimer);
    reopenTimer = undefined;
    retryTimer = undefined;
    source?.close();
    source = undefined;
    openTopics = chooseTopics();
    if (openTopics.size === 0) {
      position = '';
      dropped = false;
      return;
    }
    const start = findStart();
    const names = [...openTopics].sort().map(encodeURIComponent).join(',').replaceAll('%3A', ':');
    const stream = new EventSource(
      `${openUrl}?topics=${names}${start === '' ? '' : `&lastEventId=${encodeURIComponent(start)}`}`,
    );
    source = stream;
    position = start;
    const late = [...tabs].filter(([, tab]) => tab.served && tab.from === '').map(([port]) => port);
    stream.addEventListener('open', () => {
      retryMs = RETRY_MIN_MS;
      // What was told while nobody noted their place is looked up once.
      for (const port of late.splice(0)) port.postMessage({ kind: 'look' });
      if (dropped) tellAll({ kind: 'open' });
      dropped = false;
    });
    stream.addEventListener('error', () => {
      if (source !== stream) return;
      dropped = true;
      tellAll({ kind: 'dropped' });
      // A refusal (signed out, server restarting behind a proxy) closes the stream for good: try again, ever more rarely.
      if (stream.readyState !== EventSource.CLOSED) return;
      clearTimeout(retryTimer);
      retryTimer = setTimeout(reopen, retryMs * (0.5 + Math.random() / 2));
      retryMs = Math.min(RETRY_MAX_MS, retryMs * 2);
    });
    for (const topic of [...openTopics, 'position'])
      stream.addEventListener(topic, (event) => {
        if (source === stream) take(topic, /** @type {MessageEvent<string>} */ (event));
      });
  }

  /** @param {string} topic @param {MessageEvent<string>} event */
  function take(topic, event) {
    const id = event.lastEventId;
    // A word that something was lost carries the newest id, which those who lost it may know already.
    const isGap = /^\{"kind":"refresh","gap":true/.test(event.data);
    position = id;
    for (const [port, tab] of tabs) {
      if (!isCovered(tab)) continue;
      const isOld = isKnown(id, tab.from);
      if (!isOld) tab.from = id;
      if (topic === 'position' ? !isOld : tab.topics.has(topic) && (isGap || !isOld))
        port.postMessage({ kind: 'event', topic, text: event.data, id });
    }
  }

  function forgetSilent() {
    for (const [port, tab] of tabs) if (Date.now() - tab.heardAt > SILENT_MS) tabs.delete(port);
  }

  /** Reopens soon when somebody is not told all, later when somebody left and topics are no longer wanted. */
  function settle() {
    const tellsAll = [...tabs.values()].every((tab) => !tab.served || isCovered(tab));
    const isOpen = source !== undefined && (source.readyState !== EventSource.CLOSED || retryTimer !== undefined);
    if (!tellsAll || !isOpen) reopenTimer ??= setTimeout(reopen, REOPEN_DELAY_MS);
    const wanted = new Set([...tabs.values()].flatMap((tab) => [...tab.topics]));
    clearTimeout(trimTimer);
    if (tabs.size === 0) reopen();
    else if ([...openTopics].some((topic) => !wanted.has(topic))) trimTimer = setTimeout(reopen, TRIM_DELAY_MS);
  }

  /** @param {Port} port @param {any} message */
  function want(port, message) {
    const known = tabs.get(port);
    const topics = new Set(/** @type {string[]} */ (message.topics).slice(0, TOPICS_MAX));
    const isSame =
      known !== undefined && known.topics.size === topics.size && [...topics].every((topic) => known.topics.has(topic));
    if (known !== undefined && isSame && !message.again) {
      known.heardAt = Date.now();
      forgetSilent();
      return settle();
    }
    asked += 1;
    // What is on its way to a tab that is served counts as known to it.
    const told = known?.served && isCovered(known) && known.from !== '' ? known.from : message.from;
    const from = message.again && position !== '' ? position : told;
    openUrl = message.url;
    // Behind the stream, or of another start of the server: it has to be told what the stream has told already.
    const isBehind = position === '' || !isKnown(position, from);
    tabs.set(port, { topics, from, askedAt: asked, heardAt: Date.now(), served: true });
    forgetSilent();
    if (dropped) port.postMessage({ kind: 'dropped' });
    if (isBehind && topics.size > 0) reopenTimer ??= setTimeout(reopen, REOPEN_DELAY_MS);
    settle();
  }

  /** @param {Port} port */
  function serve(port) {
    port.onmessage = (event) => {
      if (event.data.kind === 'want') want(port, event.data);
      else if (event.data.kind === 'leave' && tabs.delete(port)) settle();
    };
  }

  const scope = /** @type {any} */ (globalThis);
  if ('SharedWorkerGlobalScope' in scope) scope.onconnect = (/** @type {any} */ event) => serve(event.ports[0]);
  else scope.holdfastStream = serve;
})();
