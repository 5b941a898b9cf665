import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { HostId, RepositoryId } from '@holdfast/shared/domain/ids.ts';
import { judgePlace, type PlaceFacts } from './place-signs.ts';

const NOW = 1_770_000_000_000;
const DAY = 24 * 3_600_000;
const GIB = 1024 ** 3;
const REPOSITORY = { id: 'repo_1' as RepositoryId, name: 'disk-2' };

const look = (change: Partial<PlaceFacts['looks'][number]>): PlaceFacts['looks'][number] => ({
  ...{ repository: REPOSITORY.id, host: 'host_1' as HostId, hostName: 'db-1', at: NOW, toldAt: NOW, diskGib: 1 },
  ...change,
});
const judge = (looks: PlaceFacts['looks'], before: PlaceFacts['before'] = [], now = NOW) =>
  judgePlace({ now, repository: REPOSITORY, looks, certificateDays: 14, before });

describe('The place of a repository', () => {
  it('has little room below the number of its host, and until there is half as much again', () => {
    assert.deepEqual(judge([look({ freeBytes: GIB })]), []);
    const low = judge([look({ freeBytes: GIB - 1 }), look({ host: 'host_2' as HostId, hostName: 'db-2', freeBytes: 9 * GIB })]);
    assert.deepEqual(
      low.map(({ condition, thing, text }) => [condition, thing.id, text]),
      [['repository.disk_low', 'repo_1', '1.0 GiB are left on the disk of db-1 where it lies']],
    );
    assert.equal(judge([look({ freeBytes: 1.4 * GIB })], low, NOW + 5)[0]?.since, NOW);
    assert.deepEqual(judge([look({ freeBytes: 1.5 * GIB })], low), []);
    assert.equal(judge([look({ freeBytes: 4 * GIB, diskGib: 5 })]).length, 1);
  });

  it('has a certificate near its end, as the host saw it that looked last', () => {
    const ends = (inDays: number, toldAt = NOW) => look({ certificateEndsAt: NOW + inDays * DAY, toldAt });
    assert.deepEqual(judge([ends(14.01)]), []);
    const [near] = judge([ends(90, NOW - DAY), ends(3)]);
    assert.deepEqual([near?.condition, near?.text], ['repository.certificate', 'the certificate at its address ends in 3 days']);
    assert.match(judge([ends(-1)])[0]?.text ?? '', /has ended: hosts that verify it no longer get in/);
    assert.deepEqual(judge([ends(3, NOW - DAY), ends(90)]), [], 'it was renewed');
  });

  it('keeps a lock that nobody renews, since it was taken', () => {
    const locks = {
      repository: REPOSITORY.id,
      at: NOW,
      stuck: 2,
      since: NOW - DAY,
      text: 'a lock of ada on a-laptop\n, process 42',
    };
    const facts = { now: NOW, repository: REPOSITORY, looks: [], certificateDays: 14, before: [] };
    const [sign] = judgePlace({ ...facts, locks });
    assert.deepEqual(
      [sign?.condition, sign?.since, sign?.text],
      ['repository.lock_stuck', NOW - DAY, '2 locks, the oldest: a lock of ada on a-laptop , process 42'],
    );
    assert.deepEqual(judgePlace({ ...facts, locks: { repository: REPOSITORY.id, at: NOW, stuck: 0 } }), []);
  });

  it('holds more than its limit by the newest measurement, if there is one', () => {
    const facts = { now: NOW, repository: REPOSITORY, looks: [], certificateDays: 14, before: [] };
    const measure = (storedBytes: number | undefined, storedGib?: number, before: PlaceFacts['before'] = []) =>
      judgePlace({ ...facts, storedBytes, storedGib, before });
    assert.deepEqual([measure(undefined, 800), measure(900 * GIB), measure(800 * GIB, 800)], [[], [], []]);
    const above = measure(812.25 * GIB, 800);
    assert.deepEqual(
      above.map(({ condition, since, text }) => [condition, since, text]),
      [['repository.size', NOW, '812.3 GiB are stored, and 800 GiB were set as its limit']],
    );
    const [later] = judgePlace({ ...facts, now: NOW + DAY, storedBytes: 900 * GIB, storedGib: 800, before: above });
    assert.equal(later?.since, NOW);
  });

  it('of which nobody told lately raises nothing', () => {
    assert.deepEqual(judge([]), []);
    assert.deepEqual(judge([look({})]), []);
  });
});
