import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { AppError } from '@holdfast/shared/errors.ts';
import { type AgentEnvironment, parseAgentConfig } from './config.ts';

const EMPTY: AgentEnvironment = {
  serverUrl: undefined,
  stateDir: undefined,
  enrolToken: undefined,
  enrolTokenFile: undefined,
  secrets: undefined,
  secretsFile: undefined,
  logLevel: undefined,
  toolPath: undefined,
  hooksDir: undefined,
  drillDir: undefined,
  path: undefined,
  home: '/home/ann',
  runtimeDir: undefined,
};
const parse = (given: Partial<AgentEnvironment>, isRoot = false) => parseAgentConfig({ ...EMPTY, ...given }, isRoot);

describe('The agent’s configuration', () => {
  it('has an answer where nothing is set, another one for root', () => {
    assert.equal(parse({}).stateDir, '/home/ann/.local/state/holdfast-agent');
    assert.equal(parse({}, true).stateDir, '/var/lib/holdfast-agent');
    assert.equal(parse({}).serverUrl, undefined);
    assert.equal(parse({}).logLevel, 'info');
    assert.equal(parse({}).toolPath, '/usr/local/bin:/usr/bin:/bin');
    assert.deepEqual(parse({ runtimeDir: '/run/user/1' }).workDirCandidates, ['/run/user/1', '/dev/shm']);
    assert.deepEqual(parse({}, true).workDirCandidates, ['/run', '/dev/shm']);
  });

  it('takes the slash off the server’s address and puts own tools first', () => {
    assert.equal(parse({ serverUrl: 'https://backup.example.com/base//' }).serverUrl, 'https://backup.example.com/base');
    assert.equal(parse({ toolPath: '/opt/tools', path: '/bin' }).toolPath, '/opt/tools:/bin');
    assert.equal(parse({ toolPath: '/opt/a:/opt/b:', path: '/bin' }).toolPath, '/opt/a:/opt/b:/bin');
  });

  it('looks for hooks where only root writes, or else beside the state', () => {
    assert.equal(parse({}, true).hooksDir, '/etc/holdfast/hooks.d');
    assert.equal(parse({}).hooksDir, '/home/ann/.local/state/holdfast-agent/hooks');
    assert.equal(parse({ stateDir: '/srv/state' }).hooksDir, '/srv/state/hooks');
    assert.equal(parse({ hooksDir: '/srv/hooks' }, true).hooksDir, '/srv/hooks');
  });

  it('offers the dumps of no directory unless they are named', () => {
    assert.deepEqual(parse({}).dumpDirs, []);
    assert.deepEqual(parse({ dumpDirs: '' }).dumpDirs, []);
    assert.deepEqual(parse({ dumpDirs: '/srv/dumps/:/var//old:/srv/dumps' }).dumpDirs, ['/srv/dumps', '/var/old']);
  });

  it('lets a server restore everything unless it is told otherwise', () => {
    assert.equal(parse({}).restores, 'any');
    assert.equal(parse({ restores: '' }).restores, 'any');
    assert.equal(parse({ restores: 'beside' }).restores, 'beside');
    assert.equal(parse({ restores: 'none' }).restores, 'none');
  });

  const refused: readonly (readonly [string, Partial<AgentEnvironment>, RegExp])[] = [
    ['an address without a scheme', { serverUrl: 'backup.example.com' }, /HOLDFAST_SERVER_URL/],
    ['an address of another kind', { serverUrl: 'ftp://backup.example.com' }, /http or https/],
    ['an address with a password', { serverUrl: 'https://a:b@backup.example.com' }, /must not hold/],
    ['an address with a query', { serverUrl: 'https://backup.example.com/?a' }, /HOLDFAST_SERVER_URL.*must not hold a "\?"/],
    ['an address with an empty fragment', { serverUrl: 'https://backup.example.com/#' }, /must not hold a "\?" or "#"/],
    ['a relative state directory', { stateDir: 'state' }, /HOLDFAST_STATE_DIR/],
    ['a state directory that is a file', { stateDir: '/etc/hostname' }, /HOLDFAST_STATE_DIR.*\/etc\/hostname is none/],
    ['a state directory below a file', { stateDir: '/etc/hostname/x' }, /HOLDFAST_STATE_DIR.*cannot be looked at \(ENOTDIR\)/],
    ['a token that is none', { enrolToken: 'hfa_0' }, /^HOLDFAST_ENROLL_TOKEN must hold an enrolment token: hfe_ and 43 more/],
    ['a relative directory of hooks', { hooksDir: 'hooks.d' }, /HOLDFAST_HOOKS_DIR must be an absolute path/],
    ['a relative folder of tools', { toolPath: '/opt/tools:tools' }, /HOLDFAST_TOOL_PATH must be absolute paths.*one is "tools"/],
    ['a relative directory of dumps', { dumpDirs: '/srv/a:dumps' }, /HOLDFAST_DUMP_DIRS must be absolute.*"dumps"/],
    ['a directory of dumps that climbs', { dumpDirs: '/srv/../etc' }, /HOLDFAST_DUMP_DIRS must be absolute/],
    ['a crowd of directories of dumps', { dumpDirs: Array.from({ length: 17 }, (_, at) => `/d${at}`).join(':') }, /more than 16/],
    [
      'a policy for restores that is none',
      { restores: 'None' },
      /HOLDFAST_RESTORES must be one of any, beside, none; it is "None"/,
    ],
    ['an unknown log level', { logLevel: 'loud' }, /HOLDFAST_LOG_LEVEL must be one of debug, info/],
    ['two tokens', { enrolToken: 'a', enrolTokenFile: '/x' }, /both set/],
    ['a token file that is not there', { enrolTokenFile: '/nonexistent/token' }, /cannot be read: \/nonexistent\/token/],
  ];
  for (const [title, given, words] of refused) {
    it(`refuses ${title} in one line`, () => {
      assert.throws(
        () => parse(given),
        (error) =>
          error instanceof AppError && error.code === 'invalid' && words.test(error.message) && !/\n/.test(error.message),
      );
    });
  }

  it('warns of a variable that belongs to no program', () => {
    assert.deepEqual(parse({ unknown: ['HOLDFAST_STATEDIR'] }).warnings, [
      'HOLDFAST_STATEDIR is set but means nothing to this agent; did you mean HOLDFAST_STATE_DIR?',
    ]);
  });

  it('reads a token from its file, and refuses an empty one', (t) => {
    const dir = mkdtempSync(join(tmpdir(), 'holdfast-config-'));
    t.after(() => rmSync(dir, { recursive: true }));
    const path = join(dir, 'token');
    const token = `hfe_${'a'.repeat(43)}`;
    writeFileSync(path, `${token}\n`);
    assert.equal(parse({ enrolTokenFile: path }).enrolToken, token);
    writeFileSync(path, `${token}a\n`);
    assert.throws(() => parse({ enrolTokenFile: path }), /^(?!.*hfe_a)AppError: HOLDFAST_ENROLL_TOKEN_FILE must hold/);
    writeFileSync(path, '\n');
    assert.throws(() => parse({ enrolTokenFile: path }), /empty file/);
  });
});
