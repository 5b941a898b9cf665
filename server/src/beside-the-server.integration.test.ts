import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createCrypto } from '@holdfast/shared/crypto/crypto.ts';
import Database from 'better-sqlite3';

const MAIN = join(import.meta.dirname, 'main.ts');
const CACHE = join(import.meta.dirname, '../../node_modules/.cache/holdfast-tests');
const folder = mkdtempSync(join(tmpdir(), 'holdfast-beside-'));
const dataDir = join(folder, 'data');

interface End {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** `holdfast-server` on the data directory of this test, as somebody types it on the server's own machine. */
function run(...args: readonly string[]): Promise<End> {
  const env = {
    ...{ PATH: '/usr/bin:/bin', HOME: '/nonexistent', NODE_COMPILE_CACHE: CACHE, HOLDFAST_LOG_LEVEL: 'error' },
    ...{ HOLDFAST_DATA_DIR: dataDir, HOLDFAST_BASE_URL: 'https://backup.example.test/holdfast' },
  };
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [MAIN, ...args], { env, timeout: 120_000 }, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode, stdout, stderr }),
    );
  });
}

function read<T>(sql: string): T {
  const database = new Database(join(dataDir, 'holdfast.db'), { readonly: true });
  try {
    return database.prepare(sql).get() as T;
  } finally {
    database.close();
  }
}

before(async () => {
  const password = join(folder, 'password');
  writeFileSync(password, 'korrekt pferd batterie\n', { mode: 0o600 });
  const made = await run('user', 'create', '--name', 'ada', '--role', 'admin', '--password-file', password);
  assert.deepEqual([made.code, made.stdout], [0, 'created admin ada\n'], made.stderr);
});
after(() => rmSync(folder, { recursive: true }));

describe('holdfast-server user link', () => {
  it('prints an address below the base URL, of which the database keeps nothing but a hash', async () => {
    const { code, stdout, stderr } = await run('user', 'link', '--name', 'ada');
    assert.deepEqual([code, stderr], [0, '']);
    const token =
      /^https:\/\/backup\.example\.test\/holdfast\/password\?token=(hfp_[A-Za-z0-9_-]{43})\n$/.exec(stdout)?.[1] ?? '';
    assert.notEqual(token, '', stdout);
    const { hash } = read<{ hash: string }>('SELECT token_hash AS hash FROM password_links');
    assert.equal(hash, createCrypto(() => assert.fail('nothing is random here')).hashToken(token));
  });

  it('says until when in JSON, and that there is nobody of another name', async () => {
    const { url, expiresAt } = JSON.parse((await run('user', 'link', '--name', 'ada', '--json')).stdout) as {
      url: string;
      expiresAt: number;
    };
    assert.match(url, /\/password\?token=hfp_/);
    assert.ok(expiresAt > Date.now());
    const nobody = await run('user', 'link', '--name', 'eve');
    assert.deepEqual([nobody.code, nobody.stdout, nobody.stderr], [1, '', 'holdfast-server: there is nobody called eve\n']);
  });
});

describe('holdfast-server recovery-kit', () => {
  it('is text for paper, and the same as JSON', async () => {
    const text = await run('recovery-kit');
    assert.deepEqual([text.code, text.stderr], [0, '']);
    assert.match(text.stdout, /https:\/\/backup\.example\.test\/holdfast/);
    const kit = JSON.parse((await run('recovery-kit', '--json')).stdout) as Record<string, unknown>;
    assert.deepEqual([kit['hasSecrets'], kit['repositories']], [true, []]);
    const { count } = read<{ count: number }>("SELECT count(*) AS count FROM audit WHERE action = 'recovery_kit.printed'");
    assert.equal(count, 2, 'each print is in the audit');
  });
});

describe('holdfast-server audit verify', () => {
  it('ends with 0 while the chain is whole, and with 1 at the first entry that was changed', async () => {
    const whole = await run('audit', 'verify');
    assert.deepEqual([whole.code, /^whole, \d+ entries\n$/.test(whole.stdout)], [0, true], whole.stdout);
    const database = new Database(join(dataDir, 'holdfast.db'));
    database.exec("DROP TRIGGER audit_unchanged; UPDATE audit SET actor_name = 'nobody' WHERE no = 2");
    database.close();
    const broken = await run('audit', 'verify');
    assert.deepEqual([broken.code, broken.stdout], [1, 'broken at entry 2: it was changed after it was written\n']);
    const { fault } = JSON.parse((await run('audit', 'verify', '--json')).stdout) as { fault: { no: number } };
    assert.equal(fault.no, 2);
  });
});
