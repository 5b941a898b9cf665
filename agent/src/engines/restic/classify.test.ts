import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { REASON_NAMES, type Reason } from '@holdfast/shared/domain/reason.ts';
import { ANY_CHARACTER } from '@holdfast/shared/fixtures/any-character.ts';
import fc from 'fast-check';
import type { Ending } from '../../exec/contract.ts';
import { getCapabilities } from './capabilities.ts';
import { classifyFailure, type Operation } from './classify.ts';
import { listRecordings, RECORDED_VERSIONS, readRecording } from './fixtures/recordings.ts';

interface Row {
  reason: Reason;
  operation?: Operation;
  ending?: Ending;
  /** What a person must be able to read in the message. */
  says: RegExp;
}

/** Every recorded failure, by name; the same in both versions unless a version is named. */
const ROWS: Readonly<Record<string, Row>> = {
  'repository-missing': { reason: 'repository_missing', says: /no such file/ },
  'missing-backup': { reason: 'repository_missing', operation: 'backup', says: /\/srv\/lab\/repo/ },
  'rest-missing': { reason: 'repository_missing', says: /does not exist/ },
  'sftp-missing': { reason: 'repository_missing', says: /file does not exist/ },
  'init-again': { reason: 'repository_exists', says: /already exists/ },
  'rest-init-again': { reason: 'repository_exists', says: /already exists/ },
  'wrong-password': { reason: 'repository_password', says: /wrong password/ },
  'wrong-password-backup': { reason: 'repository_password', operation: 'backup', says: /wrong password/ },
  'no-key': { reason: 'repository_password', says: /no key found/ },
  'password-empty': { reason: 'repository_password', says: /empty password/ },
  'locked-by-a-running-process': { reason: 'repository_locked', says: /already locked by PID \d+ on vm/ },
  'http-connection-refused': { reason: 'repository_unreachable', ending: 'timed_out', says: /connection refused/ },
  'http-unknown-host': { reason: 'repository_unreachable', ending: 'timed_out', says: /no such host/ },
  'rest-tls-unknown': { reason: 'repository_unreachable', ending: 'timed_out', says: /certificate signed by unknown authority/ },
  'rest-tls-to-plain': { reason: 'repository_unreachable', ending: 'timed_out', says: /HTTP response to HTTPS client/ },
  'rest-gone': { reason: 'repository_unreachable', operation: 'backup', ending: 'stalled', says: /connection refused/ },
  'sftp-refused': { reason: 'repository_unreachable', says: /Connection refused/ },
  'sftp-hostkey': { reason: 'repository_unreachable', says: /Host key verification failed|sftp/ },
  'rest-wrong-user': { reason: 'repository_credentials', says: /401/ },
  'rest-403': { reason: 'repository_credentials', says: /401/ },
  'local-permission': { reason: 'repository_credentials', says: /permission denied/ },
  'local-readonly': { reason: 'repository_credentials', operation: 'backup', ending: 'timed_out', says: /permission denied/ },
  'local-readonly-data': {
    reason: 'repository_credentials',
    operation: 'backup',
    ending: 'timed_out',
    says: /permission denied/,
  },
  'disk-full-while-writing-packs': { reason: 'repository_full', operation: 'backup', says: /no space left/ },
  'disk-full-before-the-lock': { reason: 'repository_full', operation: 'backup', says: /no space left/ },
  'rest-quota': { reason: 'repository_full', operation: 'backup', ending: 'timed_out', says: /507/ },
  'damaged-config': { reason: 'repository_damaged', says: /damaged/ },
  'damaged-key': { reason: 'repository_damaged', says: /./ },
  'damaged-index': { reason: 'repository_damaged', says: /invalid data/ },
  'damaged-index-backup': { reason: 'repository_damaged', operation: 'backup', says: /invalid data/ },
  'damaged-pack-dump': { reason: 'repository_damaged', says: /ciphertext verification failed/ },
  'damaged-pack-restore': { reason: 'repository_damaged', operation: 'restore', says: /./ },
  'damaged-pack-gone-restore': { reason: 'repository_damaged', operation: 'restore', ending: 'timed_out', says: /./ },
  'dump-missing-snap': { reason: 'snapshot_missing', says: /./ },
  'restore-missing': { reason: 'snapshot_missing', operation: 'restore', says: /./ },
  'rest-snapshot-missing': { reason: 'snapshot_missing', says: /./ },
  'dump-missing-file': { reason: 'snapshot_missing', says: /not found in snapshot/ },
  'tree-all-missing': { reason: 'source_missing', operation: 'backup', says: /do not exist/ },
  'tree-unreadable': { reason: 'files_unreadable', operation: 'backup', says: /could not be read/ },
  'restore-unwritable': { reason: 'repository_credentials', operation: 'restore', says: /permission denied/ },
  interrupted: { reason: 'interrupted', operation: 'backup', says: /./ },
};
/** Where the two versions end apart. */
const BY_VERSION: Readonly<Record<string, Partial<Row>>> = {
  // 0.14 refuses a stream without a byte; 0.18 stores an empty snapshot and exits 3.
  '0.14-stdin-without-a-byte': { reason: 'size_below_floor', operation: 'backup', says: /snapshot is empty/ },
  '0.18-stdin-without-a-byte': { reason: 'files_unreadable', operation: 'backup', says: /could not be read/ },
  '0.14-restore-unwritable': { reason: 'target_refused' },
  '0.18-restore-unwritable': { reason: 'target_refused' },
  // 0.14 passes the words of ssh on; 0.18 only says that the session did not come up.
  '0.14-sftp-denied': { reason: 'repository_credentials', says: /Permission denied \(publickey/ },
  '0.18-sftp-denied': { reason: 'repository_unreachable', says: /sftp/ },
  '0.18-ls-missing': { reason: 'snapshot_missing', says: /./ },
};

for (const version of RECORDED_VERSIONS) {
  describe(`failures of a real restic ${version}`, () => {
    for (const name of listRecordings(version)) {
      const recording = readRecording(version, name);
      if (recording.exitCode === 0) continue;
      const row = { ...ROWS[name], ...BY_VERSION[`${version}-${name}`] };
      it(`calls "${name}" ${row.reason}`, () => {
        assert.ok(row.reason, 'every recorded failure has its row');
        const failure = classifyFailure(
          { ...recording, ending: row.ending ?? 'exited' },
          getCapabilities(version),
          row.operation ?? 'other',
        );
        assert.equal(failure.reason, row.reason, failure.message);
        assert.match(failure.message, row.says ?? /./);
        assert.doesNotMatch(failure.message, /goexit|runtime\/asm/, 'no stack trace');
        assert.ok(failure.message.length <= 2000);
      });
    }
  });
}

const plain = (stderr: string, more: Partial<Parameters<typeof classifyFailure>[0]> = {}) => ({
  exitCode: 1,
  signal: null,
  stderr,
  ending: 'exited' as const,
  ...more,
});
const newest = getCapabilities('0.18.0');
const oldest = getCapabilities('0.14.0');

describe('classification', () => {
  it('tells who holds the lock, with host, process and since when', () => {
    for (const version of RECORDED_VERSIONS) {
      const recording = readRecording(version, 'locked-by-a-running-process');
      const { lock } = classifyFailure({ ...recording, ending: 'exited' }, getCapabilities(version));
      assert.equal(lock?.hostname, 'vm');
      assert.ok(lock.pid > 1);
      assert.equal(lock.exclusive, false);
      assert.match(lock.storageId ?? '', /^[0-9a-f]{8}$/);
      assert.equal(new Date(lock.createdAt ?? 0).getUTCFullYear(), 2026);
    }
  });

  it('does not believe exit codes a version does not have', () => {
    assert.equal(classifyFailure(plain('', { exitCode: 10 }), oldest).reason, 'unknown_failure');
    assert.equal(classifyFailure(plain('', { exitCode: 10 }), newest).reason, 'repository_missing');
    assert.equal(classifyFailure(plain('', { exitCode: 12 }), getCapabilities('0.17.0')).reason, 'unknown_failure');
    assert.equal(classifyFailure(plain('', { exitCode: 11 }), newest).reason, 'repository_locked');
  });

  const words: readonly (readonly [string, Reason])[] = [
    ['Fatal: unable to open config file: Stat: Access Denied.', 'repository_credentials'],
    [
      'Fatal: create key in repository at s3:https://s3.example.test/b failed: client.PutObject: The Access Key Id you provided does not exist in our records.',
      'repository_credentials',
    ],
    [
      'Fatal: unable to open config file: Stat: The request signature we calculated does not match the signature you provided. Check your key and signing method.',
      'repository_credentials',
    ],
    ['Fatal: unable to open config file: Stat: The specified bucket does not exist.', 'repository_missing'],
    ['Fatal: unable to open config file: Stat: The specified key does not exist.', 'repository_missing'],
    ['subprocess ssh: ssh: Could not resolve hostname nas.example.test: Name or service not known', 'repository_unreachable'],
    ['Fatal: unable to save snapshot: server response unexpected: 500 Internal Server Error (500)', 'repository_unreachable'],
    // Digits of a pause or of a name are no answer of a server.
    [
      'Save(<data/563adba05c>) returned error, retrying after 1.40440587s: client.PutObject: Put "https://127.0.0.1:35563/b/data/56/563a404b": read tcp 127.0.0.1:44036->127.0.0.1:35563: read: connection reset by peer',
      'repository_unreachable',
    ],
    ['Fatal: Load(<data/563adba05c>, 0, 0) failed: unexpected HTTP response (404): 404 Not Found', 'repository_damaged'],
    ['Fatal: write /var/tmp/restic-temp-pack-123: no space left on device', 'disk_full'],
    ['Fatal: unable to save snapshot: Copy: write cache/c345668a/data/f3/tmp-1570616718: no space left on device', 'disk_full'],
    [
      'unable to create lock in backend: repository is already locked exclusively by PID 7 on h by root (UID 0, GID 0)\nlock was created at 2026-11-20 09:47:32 (3s ago)\nstorage ID bae6e826',
      'repository_locked',
    ],
  ];
  for (const [text, reason] of words) {
    it(`reads "${text.slice(0, 70)}" as ${reason} in every version`, () => {
      assert.equal(classifyFailure(plain(text), oldest).reason, reason);
      const json = JSON.stringify({ message_type: 'exit_error', code: 1, message: text });
      assert.equal(classifyFailure(plain(json), newest).reason, reason);
    });
  }

  it('says that a full disk during a restore is the host’s', () => {
    const failure = classifyFailure(
      plain('ignoring error for /a: write /target/a: no space left on device\nFatal: There were 1 errors'),
      oldest,
      'restore',
    );
    assert.equal(failure.reason, 'disk_full');
  });

  it('tells a cancel, a kill from outside and a stall apart', () => {
    assert.equal(classifyFailure(plain('', { exitCode: 130, ending: 'cancelled' }), newest).reason, 'cancelled');
    assert.equal(classifyFailure(plain('', { exitCode: 130 }), newest).reason, 'interrupted');
    assert.equal(classifyFailure(plain('', { exitCode: null, signal: 'SIGKILL' }), newest).reason, 'interrupted');
    assert.equal(classifyFailure(plain('', { exitCode: null, signal: 'SIGKILL', ending: 'stalled' }), newest).reason, 'stalled');
    assert.equal(classifyFailure(plain('', { exitCode: null, spawnError: 'ENOENT' }), newest).reason, 'tool_missing');
  });

  it('does not take the name of an unreadable file for a word about the repository', () => {
    const file = { message_type: 'error', error: {}, during: 'archival', item: '/srv/wrong password or no key found' };
    const failure = classifyFailure(plain(`${JSON.stringify(file)}\nFatal: something new`), oldest, 'backup');
    assert.equal(failure.reason, 'unknown_failure');
    assert.equal(failure.message, 'something new');
  });

  it('gives a known reason and a bounded, printable message for any text at all', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: ANY_CHARACTER, maxLength: 3000 }),
        fc.option(fc.integer({ min: 1, max: 255 })),
        fc.constantFrom<Operation>('backup', 'restore', 'other'),
        (stderr, exitCode, operation) => {
          const failure = classifyFailure(plain(stderr, { exitCode }), newest, operation);
          assert.ok(REASON_NAMES.includes(failure.reason));
          assert.ok(failure.message.length > 0 && failure.message.length <= 2000);
          assert.doesNotMatch(failure.message, /[\u0000-\u0008\u001b\u007f]/);
        },
      ),
    );
  });
});

describe('Words about memory', () => {
  const ended = {
    exitCode: 2,
    signal: null,
    ending: 'exited',
    stderr: 'fatal error: out of memory\n\nruntime stack:\n',
  } as const;
  for (const version of RECORDED_VERSIONS) {
    it(`are about the run’s limit only where it had one, with restic ${version}`, () => {
      const limited = classifyFailure({ ...ended, memoryMiB: 128 }, getCapabilities(version));
      assert.deepEqual(limited, {
        reason: 'memory_limit',
        message: 'restic needs more memory than the 128 MiB that this run may take.',
      });
      assert.equal(classifyFailure(ended, getCapabilities(version)).reason, 'unknown_failure');
      assert.equal(
        classifyFailure({ ...ended, ending: 'cancelled', memoryMiB: 128 }, getCapabilities(version)).reason,
        'cancelled',
      );
    });
  }
});
