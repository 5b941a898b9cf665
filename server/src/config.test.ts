import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { ConfigError, chooseBaseUrl, loadConfig, readEnvironment } from './config.ts';

const load = (env: Record<string, string>) => loadConfig(readEnvironment(env));

describe('The configuration', () => {
  it('has a default for everything', () => {
    const config = load({});
    assert.deepEqual(config.listen, { host: '127.0.0.1', port: 8080 });
    assert.equal(config.baseUrl, undefined);
    assert.deepEqual(config.metrics, { token: undefined, cidrs: [] });
    assert.deepEqual(config.traces, { url: undefined });
    assert.equal(config.trustProxy, 0);
    assert.equal(config.logLevel, 'info');
    assert.deepEqual(config.logs, { keepDays: 90, hostDayBytes: 200 * 1024 * 1024 });
    assert.deepEqual(config.warnings, []);
    assert.match(config.dataDir, /^\//);
  });

  it('counts an empty variable as absent', () => {
    assert.equal(load({ HOLDFAST_LOG_LEVEL: '', HOLDFAST_BASE_URL: '' }).logLevel, 'info');
  });

  it('reads every variable', () => {
    const config = load({
      HOLDFAST_DATA_DIR: '/srv/holdfast/',
      HOLDFAST_LISTEN: '[::1]:9000',
      HOLDFAST_BASE_URL: 'https://Backup.example.com:8443/sub/',
      HOLDFAST_MASTER_KEY: 'k'.repeat(44),
      HOLDFAST_METRICS_TOKEN: 'a-long-enough-token',
      HOLDFAST_METRICS_CIDR: '10.0.0.0/8, ::1',
      HOLDFAST_TRUST_PROXY: '2',
      HOLDFAST_LOG_LEVEL: 'debug',
      HOLDFAST_RUN_LOG_DAYS: '14',
      HOLDFAST_HOST_LOG_MIB: '3',
      HOLDFAST_OTLP_URL: 'http://127.0.0.1:4318/otlp/',
    });
    assert.equal(config.dataDir, '/srv/holdfast');
    assert.deepEqual(config.listen, { host: '::1', port: 9000 });
    assert.equal(config.baseUrl, 'https://backup.example.com:8443/sub');
    assert.deepEqual(config.masterKey, { value: 'k'.repeat(44), file: undefined });
    assert.deepEqual(config.metrics, { token: 'a-long-enough-token', cidrs: ['10.0.0.0/8', '::1'] });
    assert.deepEqual(config.traces, { url: 'http://127.0.0.1:4318/otlp' });
    assert.equal(config.trustProxy, 2);
    assert.equal(config.logLevel, 'debug');
    assert.deepEqual(config.logs, { keepDays: 14, hostDayBytes: 3 * 1024 * 1024 });
    assert.deepEqual(load({ HOLDFAST_TRUST_PROXY: '10.0.0.0/8,fd00::/8' }).trustProxy, ['10.0.0.0/8', 'fd00::/8']);
    assert.deepEqual(load({ HOLDFAST_LISTEN: ':80' }).listen, { host: '0.0.0.0', port: 80 });
  });

  it('reads the metrics token from a file', () => {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-config-'));
    const file = join(folder, 'token');
    writeFileSync(file, 'token-from-a-file\n');
    try {
      assert.equal(load({ HOLDFAST_METRICS_TOKEN_FILE: file }).metrics.token, 'token-from-a-file');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  const wrong: readonly [string, Record<string, string>, RegExp][] = [
    ['days that are none', { HOLDFAST_RUN_LOG_DAYS: '0' }, /^HOLDFAST_RUN_LOG_DAYS: "0" is not a number of days from 1 to 3650$/],
    ['a size with its unit', { HOLDFAST_HOST_LOG_MIB: '256M' }, /^HOLDFAST_HOST_LOG_MIB: .* from 1 to 65536$/],
    ['a port that is none', { HOLDFAST_LISTEN: '127.0.0.1:99999' }, /^HOLDFAST_LISTEN: .*address:port/],
    ['a listen address without port', { HOLDFAST_LISTEN: 'localhost' }, /^HOLDFAST_LISTEN: /],
    ['a bracketed address that is none', { HOLDFAST_LISTEN: '[1234]:80' }, /^HOLDFAST_LISTEN: .*IPv6/],
    ['a base URL that is none', { HOLDFAST_BASE_URL: 'backup.example.com' }, /^HOLDFAST_BASE_URL: .*not a URL/],
    ['a base URL of another scheme', { HOLDFAST_BASE_URL: 'ftp://example.com' }, /^HOLDFAST_BASE_URL: .*http/],
    ['a base URL with credentials', { HOLDFAST_BASE_URL: 'https://a:b@example.com' }, /^HOLDFAST_BASE_URL: .*password/],
    ['a base URL with a query', { HOLDFAST_BASE_URL: 'https://example.com/?' }, /^HOLDFAST_BASE_URL: .*query/],
    ['a base URL with a strange path', { HOLDFAST_BASE_URL: 'https://example.com//a' }, /^HOLDFAST_BASE_URL: .*path/],
    ['two master keys', { HOLDFAST_MASTER_KEY: 'x', HOLDFAST_MASTER_KEY_FILE: '/x' }, /^HOLDFAST_MASTER_KEY: .*only one/],
    [
      'two metrics tokens',
      { HOLDFAST_METRICS_TOKEN: 'x', HOLDFAST_METRICS_TOKEN_FILE: '/x' },
      /^HOLDFAST_METRICS_TOKEN: .*only one/,
    ],
    ['a short metrics token', { HOLDFAST_METRICS_TOKEN: 'short' }, /^HOLDFAST_METRICS_TOKEN: .*at least 16/],
    [
      'a metrics token file that is missing',
      { HOLDFAST_METRICS_TOKEN_FILE: '/nowhere/token' },
      /^HOLDFAST_METRICS_TOKEN_FILE: .*ENOENT/,
    ],
    ['a network that is none', { HOLDFAST_METRICS_CIDR: '10.0.0.0/33' }, /^HOLDFAST_METRICS_CIDR: "10.0.0.0\/33"/],
    ['an empty list of networks', { HOLDFAST_METRICS_CIDR: ' , ' }, /^HOLDFAST_METRICS_CIDR: names no network/],
    ['a collector with a password', { HOLDFAST_OTLP_URL: 'http://a:b@127.0.0.1' }, /^HOLDFAST_OTLP_URL: .*collector/],
    ['a collector of another scheme', { HOLDFAST_OTLP_URL: 'grpc://127.0.0.1:4317' }, /^HOLDFAST_OTLP_URL: .*collector/],
    ['a collector with its path', { HOLDFAST_OTLP_URL: 'http://127.0.0.1:4318/v1/traces' }, /^HOLDFAST_OTLP_URL: .*added/],
    ['a proxy that is just true', { HOLDFAST_TRUST_PROXY: 'true' }, /^HOLDFAST_TRUST_PROXY: give the number/],
    ['too many proxies', { HOLDFAST_TRUST_PROXY: '11' }, /^HOLDFAST_TRUST_PROXY: at most 10/],
    ['a log level that is none', { HOLDFAST_LOG_LEVEL: 'loud' }, /^HOLDFAST_LOG_LEVEL: "loud" is none of debug, info/],
  ];
  for (const [what, env, message] of wrong) {
    it(`refuses ${what} in one line that names the variable`, () => {
      assert.throws(
        () => load(env),
        (error: unknown) => {
          assert.ok(error instanceof ConfigError);
          assert.match(error.message, message);
          assert.doesNotMatch(error.message, /\n/);
          return true;
        },
      );
    });
  }

  it('never repeats a token in its message', () => {
    assert.throws(
      () => load({ HOLDFAST_METRICS_TOKEN: 'tiny-secret' }),
      (error: unknown) => !String(error).includes('tiny-secret'),
    );
  });

  it('warns of a variable that looks misspelt, and not of the agent’s', () => {
    const { warnings } = load({ HOLDFAST_LISTN: 'x', HOLDFAST_ELSE_ENTIRELY: 'y', HOLDFAST_SERVER_URL: 'z', PATH: '/bin' });
    assert.deepEqual(warnings, [
      'HOLDFAST_ELSE_ENTIRELY is set but means nothing to this server',
      'HOLDFAST_LISTN is set but means nothing to this server; did you mean HOLDFAST_LISTEN?',
    ]);
  });

  it('makes a base URL from the address listened on', () => {
    assert.equal(chooseBaseUrl(load({ HOLDFAST_LISTEN: '0.0.0.0:0' }), 4321), 'http://127.0.0.1:4321');
    assert.equal(chooseBaseUrl(load({ HOLDFAST_LISTEN: '[::]:80' }), 80), 'http://[::1]:80');
    assert.equal(chooseBaseUrl(load({ HOLDFAST_BASE_URL: 'https://example.com/x' }), 80), 'https://example.com/x');
  });
});
