// @ts-check
// When a page fetches what changed: at once, then never more often than the server bears.
//   - Pieces of one address are fetched by one request, and there is never more than one of an address on its way.
//   - The first change is looked up as soon as others that come with it are known. What changes meanwhile is looked up once, after a
//     rest that is longer the longer the server takes, so that many pages together leave it time for its work.
//   - What the page has already is named, so that nothing is sent where nothing changed.
// No document here: what is fetched and shown is the caller's.
(() => {
  /** Pieces that are wanted within this go together. */
  const TOGETHER_MS = 30;
  const REST_MIN_MS = 150;
  const REST_MAX_MS = 3000;
  /** A page waits for answers a third of its time at most, once the server is slow. */
  const REST_FACTOR = 2;
  /** Addresses that a page remembers: its filters change them. */
  const ADDRESSES_MAX = 50;

  /**
   * @typedef {{ due: Map<string, number>, timer?: ReturnType<typeof setTimeout>, timerAt: number, busy: Set<string>, readyAt: number,
   *   tookMs: number, tag: string, tagged: string, isStale: boolean }} Look
   * `due`: when each piece is wanted. `tookMs`: the last answer. `tag` names what the pieces of `tagged` were when last fetched; stale once somebody else put
   * something in their place.
   * @typedef {{ now: () => number, isAway: () => boolean,
   *   fetchPieces: (url: string, ids: readonly string[], tag: string) => Promise<{ tag: string, isSame: boolean }> }} Options
   */

  /** @param {Options} options */
  function createLooks({ now, isAway, fetchPieces }) {
    /** @type {Map<string, Look>} */
    const looks = new Map();

    /** @param {string} url @param {Look} look */
    function plan(url, look) {
      if (look.busy.size > 0 || look.due.size === 0 || isAway()) return;
      const at = Math.max(look.readyAt, Math.min(...look.due.values()));
      if (look.timer !== undefined && look.timerAt <= at) return;
      clearTimeout(look.timer);
      look.timerAt = at;
      look.timer = setTimeout(() => void go(url, look), Math.max(0, at - now()));
    }

    /** @param {string} url @param {Look} look */
    async function go(url, look) {
      delete look.timer;
      // A page that nobody sees asks for nothing; it goes on when it is seen.
      if (isAway()) return;
      const began = now();
      const ids = [...look.due].flatMap(([id, at]) => (at <= began + TOGETHER_MS ? [id] : [])).sort();
      if (ids.length === 0) return plan(url, look);
      for (const id of ids) look.due.delete(id);
      look.busy = new Set(ids);
      look.isStale = false;
      const names = ids.join(' ');
      let found = { tag: '', isSame: false };
      try {
        found = await fetchPieces(url, ids, look.tagged === names ? look.tag : '');
      } catch {
        // The stream's own notice tells that the server is away; reconnecting looks everything up.
      }
      if (look.isStale && found.isSame) for (const id of ids) look.due.set(id, 0);
      look.tagged = names;
      look.tag = look.isStale ? '' : found.tag;
      look.busy.clear();
      rest(look, now() - began);
      plan(url, look);
    }

    /** A single slow answer does not make a slow server. @param {Look} look @param {number} tookMs */
    function rest(look, tookMs) {
      const usual = Math.min(tookMs, look.tookMs);
      look.readyAt = now() + Math.min(REST_MAX_MS, Math.max(REST_MIN_MS, usual * REST_FACTOR));
      look.tookMs = tookMs;
    }

    function trim() {
      for (const [url, look] of looks) {
        if (looks.size <= ADDRESSES_MAX) return;
        if (look.busy.size === 0 && look.due.size === 0) looks.delete(url);
      }
    }

    /** @param {string} url */
    function getLook(url) {
      const known = looks.get(url);
      if (known !== undefined) return known;
      trim();
      const look = { due: new Map(), timerAt: 0, busy: new Set(), readyAt: 0, tookMs: 0, tag: '', tagged: '', isStale: false };
      looks.set(url, look);
      return look;
    }

    return {
      /** The piece is looked up by then, or when the address has rested. @param {string} url @param {string} id @param {number} delayMs */
      want(url, id, delayMs) {
        const look = getLook(url);
        const at = now() + delayMs;
        look.due.set(id, Math.min(at, look.due.get(id) ?? at));
        plan(url, look);
      },
      /** Whether an answer with the piece is on its way. @param {string} url @param {string} id */
      isComing: (url, id) => looks.get(url)?.busy.has(id) === true,
      /** Somebody else changed the page: what it has is not what was fetched last. */
      forget() {
        for (const look of looks.values()) Object.assign(look, { tag: '', isStale: true });
      },
      /** The page is seen again. */
      resume() {
        for (const [url, look] of looks) plan(url, look);
      },
    };
  }

  /** @type {any} */ (globalThis)['holdfastLooks'] = createLooks;
})();
