import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { parseGivenSecrets } from './given-secrets.ts';

const SECRET = 'canary-1f7b';
const TEXT = JSON.stringify({ disk: { password: SECRET } });

function writePrivate(t: TestContext, content: string, mode = 0o600): string {
  const dir = mkdtempSync(join(tmpdir(), 'holdfast-given-'));
  t.after(() => rmSync(dir, { recursive: true }));
  const file = join(dir, 'secrets.json');
  writeFileSync(file, content);
  chmodSync(file, mode);
  return file;
}

describe('Secrets given to one command', () => {
  it('come from the variable or from a private file, and need not be there', (t) => {
    const wanted = { disk: { password: SECRET } };
    assert.deepEqual(parseGivenSecrets({ text: TEXT, file: undefined }), wanted);
    assert.deepEqual(parseGivenSecrets({ text: undefined, file: writePrivate(t, TEXT) }), wanted);
    assert.equal(parseGivenSecrets({ text: '', file: '' }), undefined);
  });

  it('are refused in one line that never quotes them', (t) => {
    const cases: [Parameters<typeof parseGivenSecrets>[0], RegExp][] = [
      [{ text: TEXT, file: '/x' }, /both set/],
      [{ text: `{"disk": "${SECRET}`, file: undefined }, /must hold JSON/],
      [{ text: JSON.stringify({ disk: SECRET }), file: undefined }, /must name sources and repositories/],
      [{ text: JSON.stringify({ disk: { password: SECRET.repeat(5000) } }), file: undefined }, /must name sources/],
      [{ text: undefined, file: '/no/such' }, /cannot be read: \/no\/such/],
      [{ text: undefined, file: writePrivate(t, TEXT, 0o640) }, /others may read or write/],
      [{ text: undefined, file: writePrivate(t, ' '.repeat(1024 * 1024 + 1)) }, /too big/],
    ];
    for (const [given, words] of cases)
      assert.throws(
        () => parseGivenSecrets(given),
        (error: Error & { code?: string }) =>
          error.code === 'invalid' && words.test(error.message) && !error.message.includes('canary') && error.cause === undefined,
      );
  });
});
