// Runs in the watched page, before its own scripts: notes each line in the frame after it came into the document.
(() => {
  const lines = [];
  const seen = new Set();
  let isLoaded = false;
  let hasGreeting = false;

  const read = (text) => {
    if (text.includes('bench-hello')) hasGreeting = true;
    for (const match of text.matchAll(/bench-line (\d+) (\d+\.\d+)/g)) {
      const n = Number(match[1]);
      if (seen.has(n)) continue;
      seen.add(n);
      const printedMs = Number(match[2]) * 1000;
      requestAnimationFrame(() => {
        lines.push({ n, printedMs, shownMs: performance.timeOrigin + performance.now() });
      });
    }
  };
  const observer = new MutationObserver((records) => {
    for (const record of records) {
      if (record.type === 'characterData') read(record.target.textContent ?? '');
      for (const node of record.addedNodes) read(node.textContent ?? '');
    }
  });
  observer.observe(document, { childList: true, subtree: true, characterData: true });

  window.benchWatcher = {
    lines,
    /** Whether a greeting came by the stream, after those that came with the page. */
    isLive() {
      if (document.readyState !== 'complete') return false;
      if (isLoaded) return hasGreeting;
      isLoaded = true;
      hasGreeting = false;
      return false;
    },
  };
})();
