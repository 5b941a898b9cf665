import assert from 'node:assert/strict';
import { it } from 'node:test';
import { findLiveElements } from './tab-crowd.ts';

it('What a page keeps up to date is found in it, with the address of each', () => {
  const page = `<main><section class="panel" id="runs-part" data-live="runs hosts" data-live-get="/runs?q=a&amp;state=failed">…</section>
    <div id="log" data-live-get="/runs/run_1" data-live="run:run_1" data-live-lines="run:run_1"></div><p data-live="runs">without an address</p></main>
    <nav id="side-nav" data-live="navigation" data-live-counts="counts" data-live-get="/navigation"></nav>`;
  assert.deepEqual(findLiveElements(page), [
    { id: 'runs-part', topics: ['runs', 'hosts'], lineTopics: [], countTopics: [], url: '/runs?q=a&state=failed' },
    { id: 'log', topics: ['run:run_1'], lineTopics: ['run:run_1'], countTopics: [], url: '/runs/run_1' },
    { id: 'side-nav', topics: ['navigation'], lineTopics: [], countTopics: ['counts'], url: '/navigation' },
  ]);
});
