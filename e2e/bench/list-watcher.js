// Runs in the watched list of runs, before its own scripts: notes in which frame a run was first shown in a state.
(() => {
  const sightings = [];
  const seen = new Set();
  let isLooking = false;

  const look = () => {
    isLooking = false;
    for (const row of document.querySelectorAll('tr')) {
      const run = /\/runs\/(run_[A-Za-z0-9_-]+)/.exec(
        row.querySelector('a[href*="/runs/run_"]')?.getAttribute('href') ?? '',
      )?.[1];
      const state = row.querySelector('.status')?.textContent?.trim();
      if (run === undefined || state === undefined || seen.has(`${run} ${state}`)) continue;
      seen.add(`${run} ${state}`);
      sightings.push({ run, state, shownMs: performance.timeOrigin + performance.now() });
    }
  };
  new MutationObserver(() => {
    if (isLooking) return;
    isLooking = true;
    requestAnimationFrame(look);
  }).observe(document, { childList: true, subtree: true, characterData: true });

  window.benchList = { sightings };
})();
