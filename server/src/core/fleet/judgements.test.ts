import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { createFixedClock, type FixedClock } from '@holdfast/shared/clock.ts';
import type { HostId, SourceId } from '@holdfast/shared/domain/ids.ts';
import { DAY_MS, HOUR_MS } from '@holdfast/shared/durations.ts';
import { listNextFires } from '../../fires/fires.ts';
import { NOW, sampleHost, samplePlan, sampleRepository, sampleSource } from '../../store/contract/samples.ts';
import { createFireKnowledge } from '../protection/protected-sources.ts';
import { countProtections } from '../protection/protection.ts';
import { createJudgements, type Judgements } from './judgements.ts';
import type { KeptFleet, KeptSource, LookedSource } from './look.ts';
import { createSchedulePromises } from './promises.ts';

const host = sampleHost({ lastSeenAt: NOW });
const plan = samplePlan(sampleRepository(), [], { effectiveFrom: NOW - DAY_MS });
const [first, second] = [sampleSource(host), sampleSource(host)];

let clock: FixedClock;
let online: Set<HostId>;
let fleet: KeptFleet;
let judgements: Judgements;

function keep({ id, name, kind, enabled }: typeof first): KeptSource {
  const standing = { source: id, lastGoodAt: NOW - HOUR_MS, lastState: 'succeeded', lastAt: NOW - HOUR_MS } as const;
  const row = { id, name, nameKey: name, kind, host: host.id, enabled, proofDays: undefined };
  return { ...row, plans: [plan], standing, objectives: {} };
}

const order = [first.id, second.id];

/** Both sources as they stand now, which is as many as are counted. */
function look(by: readonly SourceId[] = order): readonly LookedSource[] {
  const { sources, counts } = judgements.judge(fleet, by, createFireKnowledge(listNextFires, clock.now(), fleet.misses));
  assert.deepEqual(counts, countProtections(sources.map(({ protection }) => protection)));
  return sources;
}

const words = (looked: readonly LookedSource[]) => looked.map(({ protection }) => protection.status);
function change(by: Partial<KeptSource>): void {
  fleet.sources.set(first.id, { ...keep(first), ...by });
  fleet.changed.add(first.id);
}

beforeEach(() => {
  clock = createFixedClock(NOW);
  online = new Set([host.id]);
  const { id, name, state, tags, lastSeenAt } = host;
  fleet = {
    sources: new Map([first, second].map((source) => [source.id, keep(source)])),
    order: undefined,
    hosts: new Map([[host.id, { id, name, state, tags, lastSeenAt }]]),
    plans: new Map([[plan.id, plan]]),
    misses: new Map(),
    objectives: { version: 0, fleet: {}, tags: [], plans: [] } as unknown as KeptFleet['objectives'],
    changed: new Set(),
  };
  const directory = { isOnline: (host: HostId) => online.has(host) };
  judgements = createJudgements({ clock, directory } as never, createSchedulePromises(listNextFires));
});

describe('What was judged once', () => {
  it('is judged no more while nothing of it changes and time changes nothing', () => {
    const before = look();
    assert.deepEqual(words(before), ['protected', 'protected']);
    clock.advance(1000);
    assert.equal(look(), before, 'not even the list is another');
  });

  it('is judged anew when it was read anew, and the others are not', () => {
    const before = look();
    change({ standing: { source: first.id, lastGoodAt: NOW - HOUR_MS, lastState: 'failed', lastAt: NOW } });
    const after = look();
    assert.deepEqual(words(after), ['at_risk', 'protected']);
    assert.equal(after[1], before[1]);
  });

  it('is in another list whenever something of a source or its host is another, though every word stays', () => {
    const kept = fleet.hosts.get(host.id);
    assert.ok(kept);
    const changes: Readonly<Record<string, () => unknown>> = {
      'a newer backup': () => change({ standing: { source: first.id, lastGoodAt: NOW, lastState: 'succeeded', lastAt: NOW } }),
      'another name': () => change({ name: 'orders' }),
      'another plan': () => change({ plans: [plan, plan] }),
      'a host that was heard of': () => fleet.hosts.set(host.id, { ...kept, lastSeenAt: NOW - 1 }),
      'a host of another name': () => fleet.hosts.set(host.id, { ...kept, name: 'db-2' }),
    };
    for (const [what, act] of Object.entries(changes)) {
      const before = look();
      act();
      const after = look();
      assert.notEqual(after, before, what);
      assert.deepEqual(words(after), ['protected', 'protected']);
      assert.deepEqual(
        [after[0]?.source, after[0]?.host.name],
        [fleet.sources.get(first.id), fleet.hosts.get(host.id)?.name],
        what,
      );
    }
  });

  it('is judged anew by other objectives, which are put in their place', () => {
    look();
    const source = fleet.sources.get(first.id);
    assert.ok(source);
    source.objectives = { backup: { ms: HOUR_MS / 2, origin: { from: 'fleet' } }, proof: undefined };
    fleet.changed.add(first.id);
    assert.deepEqual(words(look()), ['at_risk', 'protected']);
  });

  it('is unknown as soon as its host is silent or gone, and known again when it is back', () => {
    look();
    online.clear();
    assert.deepEqual(words(look()), ['unknown', 'unknown']);
    online.add(host.id);
    assert.deepEqual(words(look()), ['protected', 'protected']);
    // Connected, and not heard of: no row changes.
    clock.advance(10 * 60_000);
    assert.deepEqual(words(look()), ['unknown', 'unknown']);
  });

  it('is judged anew when its host is another, and left out when it has none', () => {
    look();
    const kept = fleet.hosts.get(host.id);
    assert.ok(kept);
    fleet.hosts.set(host.id, { ...kept, state: 'quarantined' });
    assert.deepEqual(words(look()), ['unprotected', 'unprotected']);
    fleet.hosts.delete(host.id);
    assert.deepEqual(look(), []);
    fleet.hosts.set(host.id, { ...kept, name: 'db-2' });
    assert.deepEqual(
      look().map((one) => [one.host.name, one.protection.status]),
      [
        ['db-2', 'protected'],
        ['db-2', 'protected'],
      ],
    );
  });

  it('is judged anew when fires are owed, and when they are owed no more', () => {
    look();
    fleet.misses = new Map([[`${plan.id} ${host.id}`, NOW - 60_000]]);
    assert.deepEqual(look()[0]?.protection, { status: 'at_risk', isMissedFire: true });
    fleet.misses = new Map();
    assert.deepEqual(words(look()), ['protected', 'protected']);
  });

  it('is judged anew in the millisecond in which time alone gives it another word, and when the clock is set back before that', () => {
    const kept = fleet.hosts.get(host.id);
    assert.ok(kept);
    const lateAt = NOW + 2 * HOUR_MS;
    change({
      objectives: { backup: { ms: 3 * HOUR_MS, origin: { from: 'fleet' } }, proof: undefined },
      plans: [{ ...plan, schedule: undefined }],
    });
    const hear = () => void fleet.hosts.set(host.id, { ...kept, lastSeenAt: clock.now() });
    assert.deepEqual(words(look()), ['protected', 'protected']);
    clock.advance(lateAt - NOW);
    hear();
    assert.deepEqual(words(look()), ['protected', 'protected']);
    clock.advance(1);
    assert.deepEqual(words(look()), ['at_risk', 'protected']);
    clock.advance(-1);
    assert.deepEqual(words(look()), ['protected', 'protected']);
  });

  it('is forgotten with its source, and judged by its new row when it comes back', () => {
    look();
    fleet.sources.delete(first.id);
    assert.equal(look([second.id]).length, 1);
    change({ enabled: false });
    assert.deepEqual(words(look([...order])), ['paused', 'protected']);
  });

  it('is judged anew on another host, when its source has moved there', () => {
    look();
    const other = sampleHost({ lastSeenAt: NOW });
    fleet.hosts.set(other.id, other);
    online.add(other.id);
    assert.deepEqual(words(look()), ['protected', 'protected']);
    change({ host: other.id });
    assert.deepEqual(
      look().map((one) => one.host.id),
      [other.id, host.id],
    );
    online.delete(other.id);
    assert.deepEqual(words(look()), ['unknown', 'protected']);
  });

  it('is judged anew after a failure on the way', () => {
    look();
    change({ enabled: false });
    const fires = createFireKnowledge(listNextFires, clock.now(), fleet.misses);
    const broken = { ...fires, findMissedAt: () => assert.fail('the disk is away') };
    assert.throws(() => judgements.judge(fleet, order, broken), /the disk is away/);
    assert.deepEqual(words(look()), ['paused', 'protected']);
  });
});
