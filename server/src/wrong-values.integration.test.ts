import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { findPrepared } from '@holdfast/shared/fixtures/prepared-programs.ts';

const MAIN = findPrepared('server', join(import.meta.dirname, 'main.ts'));
const CACHE = join(import.meta.dirname, '../../node_modules/.cache/holdfast-tests');
const OTHER_KEY = Buffer.from(Array.from({ length: 32 }, (_, at) => at * 7)).toString('base64');
const SHORT_KEY = Buffer.from(OTHER_KEY, 'base64').subarray(1).toString('base64');
/** For root, who may write anywhere: the same user without that right. */
const WITHOUT_RIGHTS = process.geteuid?.() === 0 ? ['setpriv', '--inh-caps=-all', '--bounding-set=-all'] : [];

interface End {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs `holdfast-server` with nothing but these words and this environment; one that serves after all is ended. */
function runServer(args: readonly string[], given: Record<string, string>, prefix: readonly string[] = []): Promise<End> {
  const [program = '', ...words] = [...prefix, process.execPath, MAIN, ...args];
  const env = { PATH: '/usr/bin:/bin', HOME: '/nonexistent', NODE_COMPILE_CACHE: CACHE, HOLDFAST_LOG_LEVEL: 'error', ...given };
  return new Promise((resolve) => {
    const child = execFile(program, words, { env, timeout: 120_000, killSignal: 'SIGKILL' }, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode, stdout, stderr }),
    );
  });
}

const folder = mkdtempSync(join(tmpdir(), 'holdfast-wrong-'));
const path = (name: string) => join(folder, name);
const squatter = createServer();

before(async () => {
  mkdirSync(path('closed'), { mode: 0o500 });
  writeFileSync(path('file'), '');
  await new Promise<void>((resolve) => squatter.listen(0, '127.0.0.1', resolve));
  // From then on the database has a key.
  const made = await runServer(['api-key', 'create', '--name', 'first'], { HOLDFAST_DATA_DIR: path('data') });
  assert.equal(made.code, 0, made.stderr);
  cpSync(path('data'), path('keyless'), { recursive: true });
  rmSync(path('keyless/master.key'));
});
after(async () => {
  await new Promise((resolve) => squatter.close(resolve));
  rmSync(folder, { recursive: true });
});

function findPort(): number {
  const address = squatter.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

interface Case {
  title: string;
  args?: readonly string[];
  env: () => Record<string, string>;
  /** How the line goes on behind the program's name. */
  line: RegExp;
  prefix?: readonly string[];
}

const createUser = (file: string) => ['user', 'create', '--name', 'ann', '--role', 'admin', '--password-file', file];
const inData = () => ({ HOLDFAST_DATA_DIR: path('data'), HOLDFAST_LISTEN: '127.0.0.1:0' });
const CASES: readonly Case[] = [
  {
    title: 'a data directory that is a file',
    env: () => ({ HOLDFAST_DATA_DIR: path('file'), HOLDFAST_LISTEN: '127.0.0.1:0' }),
    line: /^HOLDFAST_DATA_DIR: \S+file cannot be made or used as a directory \(EEXIST\)/,
  },
  {
    title: 'a data directory that may not be made',
    env: () => ({ HOLDFAST_DATA_DIR: path('closed/new'), HOLDFAST_LISTEN: '127.0.0.1:0' }),
    line: /^HOLDFAST_DATA_DIR: \S+closed\/new cannot be made or used as a directory \(EACCES\)/,
    prefix: WITHOUT_RIGHTS,
  },
  {
    title: 'a data directory that may not be written, for a command beside the server',
    args: ['api-key', 'create', '--name', 'deploy'],
    env: () => ({ HOLDFAST_DATA_DIR: path('closed') }),
    line: /^HOLDFAST_DATA_DIR: \S+closed cannot be made or used as a directory \(EACCES\)/,
    prefix: WITHOUT_RIGHTS,
  },
  {
    title: 'a port that is taken',
    env: () => ({ ...inData(), HOLDFAST_LISTEN: `127.0.0.1:${findPort()}` }),
    line: /^HOLDFAST_LISTEN: cannot listen on 127\.0\.0\.1, port \d+ \(EADDRINUSE\); is another server running\?/,
  },
  {
    title: 'a name that no machine can have',
    env: () => ({ ...inData(), HOLDFAST_LISTEN: 'no..such:8080' }),
    line: /^HOLDFAST_LISTEN: cannot listen on no\.\.such, port 8080 \(E[A-Z_]+\); give an address/,
  },
  {
    title: 'a master key file that is missing',
    env: () => ({ HOLDFAST_DATA_DIR: path('fresh'), HOLDFAST_LISTEN: '127.0.0.1:0', HOLDFAST_MASTER_KEY_FILE: path('none') }),
    line: /^HOLDFAST_MASTER_KEY_FILE: the master key file \S+none does not exist/,
  },
  {
    title: 'another master key than the database’s',
    env: () => ({ ...inData(), HOLDFAST_MASTER_KEY: OTHER_KEY }),
    line: /^HOLDFAST_MASTER_KEY: the master key from HOLDFAST_MASTER_KEY is not the one this database was encrypted with/,
  },
  {
    title: 'a master key that is too short',
    env: () => ({ HOLDFAST_DATA_DIR: path('fresh'), HOLDFAST_LISTEN: '127.0.0.1:0', HOLDFAST_MASTER_KEY: SHORT_KEY }),
    line: /^HOLDFAST_MASTER_KEY: .*31 bytes.*make one with: openssl rand -base64 32/,
  },
  {
    title: 'a master key that is lost',
    env: () => ({ HOLDFAST_DATA_DIR: path('keyless'), HOLDFAST_LISTEN: '127.0.0.1:0' }),
    line: /^HOLDFAST_DATA_DIR: the master key is lost: the database holds encrypted values, .* put the key back/,
  },
  {
    title: 'a password file that is missing',
    args: createUser('/no/such'),
    env: inData,
    line: /^--password-file: the file \/no\/such cannot be read \(ENOENT\)/,
  },
  {
    title: 'a copy of a database that is not there',
    args: ['backup', '--to', path('copy')],
    env: () => ({ HOLDFAST_DATA_DIR: path('none') }),
    line: /^HOLDFAST_DATA_DIR: there is no database at \S+none\/holdfast\.db/,
  },
  {
    title: 'a copy into a directory that is not there',
    args: ['backup', '--to', path('none/copy')],
    env: inData,
    line: /^--to: \S+none is no directory/,
  },
];

// Only one of them opens the same database.
describe('A wrong value is one clear line of the server that names it, and exit code 2:', { concurrency: 3 }, () => {
  for (const { title, args = ['serve'], env, line, prefix } of CASES) {
    it(title, async () => {
      const { code, stdout, stderr } = await runServer(args, env(), prefix);
      assert.match(stderr, /^holdfast-server: [^\n]+\n$/);
      assert.match(stderr.slice('holdfast-server: '.length), line);
      for (const key of [OTHER_KEY, SHORT_KEY]) assert.ok(!stderr.includes(key));
      assert.deepEqual([code, stdout], [2, '']);
    });
  }
});
