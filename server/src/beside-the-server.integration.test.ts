import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createCrypto } from '@holdfast/shared/crypto/crypto.ts';
import { findPrepared } from '@holdfast/shared/fixtures/prepared-programs.ts';
import Database from 'better-sqlite3';

const MAIN = findPrepared('server', join(import.meta.dirname, 'main.ts'));
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

describe('holdfast-server recovery-key create', () => {
  it('prints the secret half once and keeps the recipient alone; what is sealed to it is read without the master key', async () => {
    const none = await run('recovery-kit', '--sealed');
    assert.deepEqual([none.code, none.stdout], [1, '']);
    assert.match(none.stderr, /holds no sealed copy/);
    const made = await run('recovery-key', 'create');
    assert.deepEqual([made.code, made.stderr], [0, '']);
    const identity = /^(AGE-SECRET-KEY-1[A-Z0-9]{58})$/m.exec(made.stdout)?.[1] ?? assert.fail(made.stdout);
    const { recipient } = read<{ recipient: string }>('SELECT recipient FROM recovery_keys');
    assert.ok(made.stdout.includes(recipient));
    assert.ok(!readFileSync(join(dataDir, 'holdfast.db')).includes(identity));
    const again = await run('recovery-key', 'create');
    assert.equal(again.code, 1);
    assert.match(again.stderr, /another recovery key is there/);
    const replaced = JSON.parse((await run('recovery-key', 'create', '--replaces', recipient, '--json')).stdout) as Record<
      string,
      string
    >;
    assert.notEqual(replaced['recipient'], recipient);
    const copy = join(folder, 'copy.db');
    const database = new Database(join(dataDir, 'holdfast.db'));
    database.exec(`INSERT INTO repositories (id, tenant_id, name, name_key, kind, config, secrets, version, created_at, updated_at)
      VALUES ('repo_x', 'ten_default', '../Off site', '../off site', 'local', '{}', '{}', 1, 1, 1);
      INSERT INTO recovery_copies (repository_id, tenant_id, recipient, made_at, mark, repository_version, sealed)
      VALUES ('repo_x', 'ten_default', 'age1', 1, 'm', 1, 'the sealed text');
      VACUUM INTO '${copy}';
      DELETE FROM repositories WHERE id = 'repo_x'`);
    database.close();
    const to = join(folder, 'kit');
    const written = await run('recovery-kit', '--sealed', '--database', copy, '--to', to);
    const file = join(to, 'off-site-repo_x.age');
    assert.deepEqual([written.code, written.stdout, written.stderr], [0, `${file}\n`, '']);
    assert.equal(readFileSync(file, 'utf8'), 'the sealed text');
    assert.equal(statSync(file).mode & 0o777, 0o600);
    const wrong = await run('recovery-kit', '--to', to);
    assert.deepEqual([wrong.code, wrong.stdout], [2, '']);
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
