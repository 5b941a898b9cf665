import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { systemRandomBytes } from '@holdfast/shared/clock.ts';
import { makeAgeKey, sealAgeFile } from './age-file.ts';

/** Runs a real program to its end with text on its standard input. */
function runWith(input: string, program: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(program, args, { maxBuffer: 16 * 1024 * 1024 }, (error, stdout, stderr) =>
      error === null ? resolve(stdout) : reject(new Error(`${program}: ${stderr}`)),
    );
    child.stdin?.end(input);
  });
}

describe('What is sealed for age', () => {
  let folder: string;
  let keyFile: string;
  const key = makeAgeKey(systemRandomBytes);
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'holdfast-age-'));
    keyFile = join(folder, 'key.txt');
    await writeFile(keyFile, `# a remark, as age-keygen writes one\n${key.identity}\n`, { mode: 0o600 });
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it('is opened by age itself with the identity, at every edge of a chunk', async () => {
    assert.equal((await runWith('', 'age-keygen', ['-y', keyFile])).trim(), key.recipient);
    const chunk = 64 * 1024;
    for (const size of [0, 1, chunk - 1, chunk, chunk + 1, 3 * chunk]) {
      const text = 'ä'.repeat(size % 7) + 'x'.repeat(Math.max(0, size - 2 * (size % 7)));
      assert.equal(await runWith(sealAgeFile(systemRandomBytes, key.recipient, text), 'age', ['-d', '-i', keyFile]), text);
    }
  });

  it('is opened by no other key, nor after a letter of it was changed', async () => {
    const sealed = sealAgeFile(systemRandomBytes, key.recipient, 'the password');
    const otherFile = join(folder, 'other.txt');
    await writeFile(otherFile, `${makeAgeKey(systemRandomBytes).identity}\n`, { mode: 0o600 });
    await assert.rejects(runWith(sealed, 'age', ['-d', '-i', otherFile]), /no identity matched/);
    const lines = sealed.split('\n');
    const last = lines.at(-3) ?? '';
    const changed = [...lines.slice(0, -3), `${last.startsWith('A') ? 'B' : 'A'}${last.slice(1)}`, ...lines.slice(-2)];
    await assert.rejects(runWith(changed.join('\n'), 'age', ['-d', '-i', keyFile]));
  });
});
