import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import {
  classifyRestic,
  findTool,
  getChromium,
  getPostgresFolder,
  getRestServer,
  getSftpServer,
  getTool,
  listRestics,
} from './tools.ts';

test('every tool the tests need is installed', () => {
  const paths = [getChromium(), getRestServer(), getSftpServer(), join(getPostgresFolder(), 'pg_dump')];
  for (const path of paths) assert.ok(existsSync(path), path);
});

test('both generations of restic are installed, and a missing program says how to get it', async () => {
  const generations = (await listRestics()).map((tool) => tool.generation);
  assert.deepEqual([...new Set(generations)].sort(), ['new', 'old']);
  assert.equal(classifyRestic('0.16.4'), 'old');
  assert.equal(classifyRestic('0.17.0'), 'new');
  assert.equal(classifyRestic('1.0.0'), 'new');
  assert.equal(findTool('no-such-program'), undefined);
  assert.throws(() => getTool('no-such-program'), /no-such-program is not installed; run "node scripts\/setup.ts test"/);
});
