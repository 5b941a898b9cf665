import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const PROGRAM = fileURLToPath(new URL('fixtures/close-alone.ts', import.meta.url));

describe('Closing a proxy', () => {
  it('in the middle of everything leaves no socket, server or timer, so that a program ends by itself', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [PROGRAM], { timeout: 20_000 });
    assert.deepEqual(JSON.parse(stdout), { open: [1, 1, 1, 1, 1, 1, 1], left: [] });
  });
});
