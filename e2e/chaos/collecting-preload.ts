/** Collects garbage when told by SIGUSR2, and says on standard error when it has, with what is held. See `collecting.ts`. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as (how: { type: string; execution: string; flavor: string }) => void;

process.on('SIGUSR2', () => {
  // As V8 does when nothing else helps: several rounds, and the pages that are free go back to the system.
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  const { heapUsed, rss } = process.memoryUsage();
  const held = { residentBytes: rss, heapBytes: heapUsed, handles: process.getActiveResourcesInfo().length };
  process.stderr.write(`garbage is collected ${JSON.stringify(held)}\n`);
});
