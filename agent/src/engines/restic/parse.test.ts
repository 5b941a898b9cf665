import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ANY_CHARACTER } from '@holdfast/shared/fixtures/any-character.ts';
import fc from 'fast-check';
import { RECORDED_VERSIONS, readRecording } from './fixtures/recordings.ts';
import {
  findLockHolder,
  findRestoreError,
  findSkippedPath,
  isRetryLine,
  isUnreadableSnapshotLine,
  type ListLine,
  parseConfig,
  parseIdLines,
  parseListLine,
  parseLock,
  parseMessage,
  parseSnapshots,
  parseStats,
} from './parse.ts';

const messagesOf = (text: string) =>
  text
    .split('\n')
    .map(parseMessage)
    .filter((message) => message !== undefined);

for (const version of RECORDED_VERSIONS) {
  describe(`the words of restic ${version}`, () => {
    it('name the snapshot and its size at the end of a stored stream', () => {
      const messages = messagesOf(readRecording(version, 'stdin').stdout);
      const summary = messages.find((message) => message.message_type === 'summary');
      assert.equal(summary?.total_bytes_processed, 60_000_000);
      assert.match(summary.snapshot_id ?? '', version === '0.14' ? /^[0-9a-f]{8}$/ : /^[0-9a-f]{64}$/);
      assert.ok((summary.data_added ?? 0) > 60_000_000);
      assert.ok(messages.some((message) => message.message_type === 'status' && (message.bytes_done ?? 0) > 0));
    });

    it('name each unreadable path on stderr', () => {
      const errors = messagesOf(readRecording(version, 'tree-unreadable').stderr).filter(
        (message) => message.message_type === 'error',
      );
      assert.ok(errors.some((error) => error.item === '/srv/lab/tree/locked' && error.during === 'archival'));
    });

    it('list snapshots with full ids, tags and instants', () => {
      const parsed = parseSnapshots(readRecording(version, 'snapshots').stdout);
      const first = parsed?.snapshots[0];
      assert.equal(parsed?.unreadable, 0);
      assert.match(first?.engineId ?? '', /^[0-9a-f]{64}$/);
      assert.deepEqual(first?.tags, ['a:b', 'x:y']);
      assert.equal(first?.hostname, 'hname');
      assert.equal(new Date(first?.createdAt ?? 0).getUTCFullYear(), 2026);
      assert.equal(first?.sizeBytes, version === '0.14' ? undefined : 60_000_000);
    });

    it('give an empty list for a snapshot that is not there', () => {
      assert.deepEqual(parseSnapshots(readRecording(version, 'snapshots-none').stdout), { snapshots: [], unreadable: 0 });
    });

    it('exit 0 although a damaged snapshot is left out of the list, and the warning is noticed', () => {
      const recording = readRecording(version, 'damaged-snapshot');
      assert.equal(recording.exitCode, 0);
      assert.equal(recording.stderr.split('\n').filter(isUnreadableSnapshotLine).length, 1);
    });

    it('list every node, names with newlines and markup-like options included', () => {
      const lines = readRecording(version, 'ls').stdout.split('\n').map(parseListLine);
      const nodes = lines.filter((line): line is Extract<ListLine, { kind: 'node' }> => line?.kind === 'node');
      assert.deepEqual(lines[0]?.kind === 'snapshot' && lines[0].snapshot.tags, ['t']);
      const paths = nodes.map((node) => node.path);
      assert.ok(paths.some((path) => path.endsWith('/tree/sub/new\nline')));
      assert.ok(paths.some((path) => path.endsWith('/tree/--help')));
      assert.equal(nodes.find((node) => node.path.endsWith('/tree/a'))?.sizeBytes, 3);
      assert.ok(nodes.some((node) => node.type === 'symlink'));
    });

    it('tell the id of the repository', () => {
      const config = parseConfig(readRecording(version, 'cat-config').stdout);
      assert.match(config?.engineId ?? '', /^[0-9a-f]{64}$/);
      assert.equal(config?.formatVersion, 2);
    });

    it('tell who holds a lock', () => {
      const [id] = parseIdLines(readRecording(version, 'list-locks-held').stdout);
      const lock = parseLock(id ?? '', readRecording(version, 'cat-lock').stdout);
      assert.equal(lock?.hostname, 'vm');
      assert.equal(lock.exclusive, false);
      assert.ok(lock.pid > 1);
      assert.ok(lock.createdAt > Date.UTC(2026, 0, 1));
    });

    it('skip a missing path with exit 0, and the skipped path is noticed', () => {
      const recording = readRecording(version, 'tree-missing-path');
      assert.equal(recording.exitCode, 0);
      assert.deepEqual(recording.stderr.split('\n').map(findSkippedPath).filter(Boolean), ['/srv/lab/nothere']);
    });
  });
}

it('restic 0.18 counts the files of a restore', () => {
  const summary = messagesOf(readRecording('0.18', 'restore').stdout).find((message) => message.message_type === 'summary');
  assert.equal(summary?.files_restored, 12);
  assert.equal(summary.bytes_restored, 10);
});

it('restic 0.14 names the files a restore could not write in plain text', () => {
  const errors = readRecording('0.14', 'restore-unwritable').stderr.split('\n').map(findRestoreError).filter(Boolean);
  assert.ok(errors.some((error) => error?.item === '/srv/lab/tree/a' && error.message.includes('permission denied')));
});

describe('hostile and broken output', () => {
  it('passes over half lines, unknown kinds, wrong types and huge lines', () => {
    assert.equal(parseMessage('{"message_type":"status","bytes_do'), undefined);
    assert.equal(parseMessage('{"message_type":"verbose_status","action":"new"}'), undefined);
    assert.equal(parseMessage('["message_type"]'), undefined);
    assert.equal(parseMessage(`{"message_type":"error","item":"${'x'.repeat(2 * 1024 * 1024)}"}`), undefined);
    assert.deepEqual(parseMessage('{"message_type":"status","bytes_done":"many","total_bytes":-1,"files_done":1e300}'), {
      message_type: 'status',
      bytes_done: undefined,
      total_bytes: undefined,
      files_done: undefined,
    });
  });

  it('takes no snapshot id that is none', () => {
    for (const id of ['', 'latest', '--target=/', 'ABCDEF01', '../../x', 'deadbee']) {
      const message = parseMessage(JSON.stringify({ message_type: 'summary', snapshot_id: id }));
      assert.equal(message?.message_type === 'summary' && message.snapshot_id, undefined, id);
    }
  });

  it('cuts a long name instead of losing the error it belongs to', () => {
    const message = parseMessage(JSON.stringify({ message_type: 'error', item: 'y'.repeat(10_000), during: 'archival' }));
    assert.equal(message?.message_type === 'error' && message.item?.length, 4096);
  });

  it('counts entries of a list that are no snapshots', () => {
    assert.deepEqual(parseSnapshots('[{"id":"x"}, 7, null]'), { snapshots: [], unreadable: 3 });
    assert.deepEqual(parseSnapshots('null'), { snapshots: [], unreadable: 0 });
    assert.equal(parseSnapshots('[{"id":'), undefined);
    assert.equal(parseSnapshots('{}'), undefined);
  });

  it('never throws, whatever a line holds', () => {
    const anything = fc.oneof(
      fc.string({ unit: ANY_CHARACTER, maxLength: 500 }),
      fc.json(),
      fc
        .record({
          message_type: fc.constantFrom('status', 'summary', 'error', 'exit_error', 'x'),
          error: fc.anything(),
          item: fc.anything(),
        })
        .map((value) => JSON.stringify(value, (_key, inner) => (typeof inner === 'bigint' ? 'big' : inner))),
    );
    fc.assert(
      fc.property(anything, (line) => {
        for (const parse of [parseMessage, parseListLine, parseSnapshots, parseConfig, parseStats, parseIdLines, findLockHolder])
          parse(line);
        findSkippedPath(line);
        findRestoreError(line);
        isRetryLine(line);
        parseLock('a', line);
      }),
      { numRuns: 1000 },
    );
  });
});

it('a retry is recognised whether restic names one file or a whole folder', () => {
  assert.ok(isRetryLine('Save(<data/47880b98be>) returned error, retrying after 552.330144ms: Write: connection lost'));
  assert.ok(isRetryLine('Load(<snapshot/47880b98be>, 0, 0) returned error, retrying after 1.2s: unexpected EOF'));
  assert.ok(
    isRetryLine('List(key) returned error, retrying after 552.330144ms: List failed, server response: 404 Not Found (404)'),
  );
  assert.ok(!isRetryLine('Save(<data/7e9d32a159>) failed: ssh command exited: exit status 255'));
});
