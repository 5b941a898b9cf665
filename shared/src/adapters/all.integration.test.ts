import assert from 'node:assert/strict';
import test from 'node:test';
import { AppError } from '../errors.ts';
import {
  findRepositoryAdapter,
  findSourceAdapter,
  getRepositoryAdapter,
  getSourceAdapter,
  REPOSITORY_ADAPTERS,
  SOURCE_ADAPTERS,
} from './all.ts';
import { checkRepositoryAdapter, checkSourceAdapter, type RepositorySample, type SourceSample } from './contract.ts';

const CERTIFICATE = '-----BEGIN CERTIFICATE-----\nMIIBcert\n-----END CERTIFICATE-----\n';
const MARIADB_PROBE = `Ssl_version\tTLSv1.3\nTls_needed\tyes\n${JSON.stringify({
  serverVersion: '10.11.19-MariaDB-0+deb12u1',
  sizeBytes: 16384,
  nonTransactional: 0,
  elsewhere: 0,
  tables: 1,
  triggerGrants: 1,
  selectGrants: 1,
  roles: 0,
})}\n`;
const MARIADB_SAMPLE: SourceSample = {
  config: { host: '127.0.0.1', port: 3306, user: 'backup', database: 'shop', sslMode: 'verify-full', sslRootCert: CERTIFICATE },
  secrets: { password: 'canary-of-mariadb' },
  probeStdout: MARIADB_PROBE,
};

const MYSQL_SAMPLE: SourceSample = {
  ...MARIADB_SAMPLE,
  probeStdout: MARIADB_PROBE.replace('10.11.19-MariaDB-0+deb12u1', '9.7.4-2'),
};

const SOURCE_SAMPLES: Readonly<Record<string, SourceSample>> = {
  postgres: {
    config: { host: '127.0.0.1', port: 5432, user: 'backup', database: 'shop', sslMode: 'verify-full', sslRootCert: CERTIFICATE },
    secrets: { password: 'canary-of-postgres' },
    probeStdout: `${JSON.stringify({
      serverVersion: '15.18 (Debian 15.18-0+deb12u1)',
      versionNumber: 150018,
      sizeBytes: 7634279,
      superuser: true,
      readsAllData: true,
      readsRolePasswords: true,
      standby: false,
      unreadableTables: 0,
      foreignTables: 0,
      subscriptions: 0,
      tables: 1,
    })}\n`,
  },
  mariadb: MARIADB_SAMPLE,
  mysql: MYSQL_SAMPLE,
  files: { config: { paths: ['/srv/shop'], excludes: ['*.tmp'], oneFileSystem: true }, secrets: {} },
};

const REPOSITORY_SAMPLES: Readonly<Record<string, RepositorySample>> = {
  local: { config: { path: '/backup/restic' }, secrets: { password: 'canary-of-restic' }, secretEnv: [] },
  rest: {
    config: { url: 'https://backup.example.com:8000/shop/', username: 'agent', caCert: CERTIFICATE },
    secrets: { password: 'canary-of-restic', restPassword: 'canary-of-rest-server' },
    secretEnv: [],
  },
  s3: {
    config: {
      endpoint: 's3.example.com',
      bucket: 'backups',
      prefix: 'shop/main',
      region: 'eu-central-1',
      accessKeyId: 'AKEXAMPLE',
      pathStyle: true,
      caCert: CERTIFICATE,
    },
    secrets: { password: 'canary-of-restic', secretAccessKey: 'canary-of-s3-key', sessionToken: 'canary-of-s3-token' },
    secretEnv: ['AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'],
  },
  sftp: {
    config: {
      host: 'backup.example.com',
      port: 22,
      user: 'agent',
      path: '/backup/shop',
      knownHosts: 'backup.example.com ssh-ed25519 AAAA',
    },
    secrets: {
      password: 'canary-of-restic',
      privateKey: '-----BEGIN OPENSSH PRIVATE KEY-----\ncanary-of-ssh-key\n-----END OPENSSH PRIVATE KEY-----\n',
    },
    secretEnv: [],
  },
};

for (const adapter of SOURCE_ADAPTERS) {
  const sample = SOURCE_SAMPLES[adapter.kind];
  assert.ok(sample, `the source adapter ${adapter.kind} has a sample`);
  checkSourceAdapter(adapter, sample, adapter.otherTools && adapter.tools);
  if (adapter.otherTools) checkSourceAdapter(adapter, sample, adapter.otherTools);
}

for (const adapter of REPOSITORY_ADAPTERS) {
  const sample = REPOSITORY_SAMPLES[adapter.kind];
  assert.ok(sample, `the repository adapter ${adapter.kind} has a sample`);
  checkRepositoryAdapter(adapter, sample);
}

test('every kind is listed once and found by its name', () => {
  for (const adapters of [SOURCE_ADAPTERS, REPOSITORY_ADAPTERS]) {
    assert.equal(new Set(adapters.map((adapter) => adapter.kind)).size, adapters.length);
  }
  for (const adapter of SOURCE_ADAPTERS) assert.equal(getSourceAdapter(adapter.kind), adapter);
  for (const adapter of REPOSITORY_ADAPTERS) assert.equal(getRepositoryAdapter(adapter.kind), adapter);
});

test('an unknown kind is invalid and the known ones are named', () => {
  assert.equal(findSourceAdapter('toString'), undefined);
  assert.equal(findRepositoryAdapter('tape'), undefined);
  for (const get of [getSourceAdapter, getRepositoryAdapter]) {
    assert.throws(
      () => get('tape'),
      (error) => error instanceof AppError && error.code === 'invalid' && /tape.*known are/.test(error.message),
    );
  }
});
