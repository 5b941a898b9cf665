import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type KeepReason, planRetention, type RetentionSnapshot } from '@holdfast/shared/domain/retention.ts';
import { type RetentionRules, TIERS } from '@holdfast/shared/domain/retention-policy.ts';
import { createLaboratory, GENERATIONS, LABORATORY_PASSWORD } from './fixtures/laboratory.ts';
import { makeQuickRepository, writeBareSnapshot } from './fixtures/quick-repository.ts';

const ZONE = 'Europe/Berlin';
const COUNT = 400;
/** Both ends of summer time lie within: from two years before this to a little before now, which restic asks the system for. */
const NEWEST = Date.now() - 3_600_000;
const NO_RULES = { kind: 'rules', withinHours: 0, minAgeHours: 0, maxAgeDays: 0, maxTotalBytes: 0 } as const;
const POLICIES: readonly (readonly [
  last: number,
  hourly: number,
  daily: number,
  weekly: number,
  monthly: number,
  yearly: number,
  within: number,
])[] = [
  [0, 24, 7, 4, 12, 0, 0],
  [5, 0, 0, 0, 0, 0, 0],
  [2, 0, 31, 8, 24, 7, 0],
  [0, 400, 0, 0, 0, 0, 0],
  [0, 0, 0, 200, 0, 0, 0],
  [0, 0, 0, 0, 0, 3, 48],
  [3, 5, 0, 7, 0, 2, 24 * 60],
];

/** RFC 3339 with the zone's offset of that moment, as restic writes it. */
const writeTime = (at: number) => Temporal.Instant.fromEpochMilliseconds(at).toString({ timeZone: ZONE });

const isOldest = (reason: KeepReason) => reason.keep === 'oldest';

/** Gaps of minutes, hours and days by turns, so that every tier has crowded and empty buckets. */
function makeInstants(): number[] {
  const instants: number[] = [];
  let at = NEWEST;
  let state = 12345;
  for (let index = 0; index < COUNT; index += 1) {
    instants.push(Math.floor(at / 1000) * 1000);
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    const share = (state >>> 8) / 2 ** 24;
    const scale = index % 5 === 0 ? 6 * 24 : index % 2 === 0 ? 20 : 0.7;
    at -= 60_000 + share * scale * 3_600_000;
  }
  return instants;
}

for (const generation of GENERATIONS) {
  describe(`retention beside restic ${generation.version} forget`, () => {
    const laboratory = createLaboratory(generation);
    // Keeping the oldest while a tier is not used up came with 0.16.
    const hasNoOldest = generation.version === '0.14.0';
    const repository = join(laboratory.dir, 'repo');
    const snapshots: RetentionSnapshot[] = [];

    before(() => {
      makeQuickRepository(repository, LABORATORY_PASSWORD);
      for (const createdAt of makeInstants()) {
        const id = writeBareSnapshot(repository, LABORATORY_PASSWORD, { time: writeTime(createdAt), tags: ['source:one'] });
        snapshots.push({ id, createdAt, storedBytes: 1, standing: 'good', isProven: false, isPinned: false });
      }
    });
    after(() => laboratory.remove());

    for (const numbers of POLICIES) {
      it(`keeps the same of ${COUNT} snapshots by ${numbers.join(', ')}`, () => {
        const [last, hourly, daily, weekly, monthly, yearly, withinHours] = numbers;
        const policy: RetentionRules = { ...NO_RULES, last, hourly, daily, weekly, monthly, yearly, withinHours };
        const args = TIERS.flatMap((tier) => (policy[tier] > 0 ? [`--keep-${tier}=${policy[tier]}`] : []));
        if (withinHours > 0) args.push(`--keep-within=${withinHours}h`);
        const output = execFileSync(
          generation.binary,
          ['forget', '--dry-run', '--json', '--no-lock', '--no-cache', '--group-by=', ...args],
          {
            env: { RESTIC_REPOSITORY: repository, RESTIC_PASSWORD: LABORATORY_PASSWORD, PATH: '/usr/bin:/bin' },
            encoding: 'utf8',
            maxBuffer: 1 << 26,
          },
        );
        const line = output.split('\n').find((candidate) => candidate.startsWith('[')) ?? '';
        const [group] = JSON.parse(line) as [{ keep: readonly { id: string }[] }];
        const theirs = new Set(group.keep.map(({ id }) => id));
        const ours = planRetention(snapshots, { policy, now: Date.now(), zone: ZONE, isNewestRunClean: true }).decisions;
        const stays = ours.filter(
          (decision) => decision.verdict === 'keep' && !(hasNoOldest && decision.because.every(isOldest)),
        );
        const kept = new Set(stays.map(({ snapshot }) => snapshot.id));
        // Ours always keeps the last two good ones.
        for (const { id } of snapshots.slice(0, 2)) theirs.add(id);
        assert.equal(snapshots.length, COUNT);
        assert.ok(kept.size < COUNT || numbers.includes(400));
        assert.deepEqual(kept, theirs);
      });
    }
  });
}
