import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { HostId, PlanId, PolicyId, RepositoryId, RunId, SourceId } from '@holdfast/shared/domain/ids.ts';
import type { TerminalState } from '@holdfast/shared/domain/run.ts';
import { OUTGOING } from '@holdfast/shared/limits.ts';
import type { HostGlance, NewestForget, RecentPart } from '../../store/alerts.ts';
import type { Channel } from '../../store/channels.ts';
import type { Repository } from '../../store/repositories.ts';
import type { Run } from '../../store/runs.ts';
import { ALERT_CONDITIONS, getConditionRule, isAsGrave } from './conditions.ts';
import { type HostLook, isOlderVersion, judgeHosts } from './host-signs.ts';
import { judgePlans, type PlanLook } from './plan-signs.ts';
import { judgeRepository } from './repository-signs.ts';
import { judgeChannels, judgeServer } from './server-signs.ts';
import { judgeSource, type SourceFacts } from './source-signs.ts';
import { redactLine } from './text.ts';

const LIMITS = { serverDiskGib: 1, certificateDays: 14 };

const NOW = 1_770_000_000_000;
const MINUTE = 60_000;
const GIB = 1024 ** 3;
const [SOURCE, PLAN, HOST, REPOSITORY] = ['src_1' as SourceId, 'plan_1' as PlanId, 'host_1' as HostId, 'repo_1' as RepositoryId];

/** Newest first. */
function listParts(...ends: readonly (TerminalState | `failed ${string}`)[]): RecentPart[] {
  return ends.map((end, index) => {
    const [state = 'failed', reason] = end.split(' ') as [TerminalState, string?];
    const failure = state === 'failed' ? { code: 'tool_failed' as const, message: 'it broke', reason } : undefined;
    const about = { source: SOURCE, plan: PLAN, host: HOST, repository: REPOSITORY, run: `run_${index}` as RunId };
    return { ...about, state, failure, endedAt: NOW - index * MINUTE };
  });
}

const facts = (change: Partial<SourceFacts> = {}): SourceFacts => ({
  now: NOW,
  source: SOURCE,
  name: 'shop',
  host: { id: HOST, name: 'db-1', standing: 'online' },
  enabled: true,
  plans: [PLAN],
  recent: [],
  before: [],
  ...change,
});
const look = (change: Partial<SourceFacts>, inARow = 1) =>
  judgeSource(facts(change), () => inARow).map(({ condition, thing }) => `${condition} ${thing.kind}`);

describe('Signs of a source', () => {
  const cases: readonly (readonly [title: string, change: Partial<SourceFacts>, inARow: number, signs: readonly string[]])[] = [
    ['none after a clean run', { recent: listParts('succeeded', 'failed') }, 1, []],
    ['none before any run', {}, 1, []],
    ['a failure of its own', { recent: listParts('failed dump_failed') }, 1, ['backup.failed source']],
    [
      'an unreachable repository',
      { recent: listParts('failed repository_unreachable') },
      1,
      ['repository.unreachable repository'],
    ],
    ['a stuck lock', { recent: listParts('failed repository_locked') }, 1, ['repository.locked repository']],
    ['a full disk of its host', { recent: listParts('failed disk_full') }, 1, ['backup.failed host']],
    ['a partial run', { recent: listParts('partial') }, 1, ['backup.partial source']],
    ['skipped and cancelled runs say nothing', { recent: listParts('skipped', 'cancelled', 'succeeded') }, 1, []],
    ['nor do they end a failure', { recent: listParts('skipped', 'failed') }, 1, ['backup.failed source']],
    ['two failures where three are asked for', { recent: listParts('failed', 'partial', 'succeeded') }, 3, []],
    ['three of three', { recent: listParts('failed', 'partial', 'failed', 'succeeded') }, 3, ['backup.failed source']],
    ['a suspicious size', { recent: listParts('succeeded'), suspicion: 'shrunk' }, 1, ['backup.suspicious source']],
    ['no size while it fails', { recent: listParts('failed', 'succeeded'), suspicion: 'shrunk' }, 1, ['backup.failed source']],
    ['a backup that is late', { recent: listParts('succeeded'), overdue: 'late' }, 1, ['backup.overdue source']],
    [
      'late because of its repository',
      { recent: listParts('failed repository_full'), overdue: 'late' },
      1,
      ['repository.full repository', 'backup.overdue repository'],
    ],
    ['a source that does not answer', { health: { state: 'offline', since: NOW } }, 1, ['source.offline source']],
    ['none of one that failed once', { health: { state: 'degraded', since: NOW } }, 1, []],
    ['none of one in no plan', { health: { state: 'offline', since: NOW }, plans: [] }, 1, []],
    ['none when it is switched off', { enabled: false, recent: listParts('failed') }, 1, []],
    ['none of a plan that is switched off', { plans: [], recent: listParts('failed') }, 1, []],
    ['none on a host that is out', { host: { id: HOST, name: 'x', standing: 'revoked' }, recent: listParts('failed') }, 1, []],
  ];
  for (const [title, change, inARow, signs] of cases) it(`are: ${title}`, () => assert.deepEqual(look(change, inARow), signs));

  it('begin with the first failure in a row, and stay while no run of the plan is known any more', () => {
    const before = judgeSource(facts({ recent: listParts('failed', 'failed', 'succeeded') }), () => 1);
    assert.equal(before[0]?.since, NOW - MINUTE);
    assert.deepEqual(
      judgeSource(facts({ before }), () => 1),
      before,
    );
  });
});

const glance = (index: number, change: Partial<HostGlance> = {}): HostGlance => ({
  id: `host_${index}` as HostId,
  name: `db-${index}`,
  state: 'active',
  createdAt: NOW - 100 * MINUTE,
  lastSeenAt: NOW,
  agentVersion: '0.1.0',
  tags: [],
  ...change,
});
const hosts = (change: Partial<HostLook>): HostLook => ({
  now: NOW,
  hosts: [],
  isSettled: true,
  isOnline: () => false,
  findFreeBytes: () => undefined,
  before: [],
  fleetConditions: new Set(),
  serverVersion: '0.1.0',
  limitsOf: () => ({ silentMinutes: 2, diskGib: 1 }),
  ...change,
});

describe('Signs of proofs', () => {
  const AT = NOW - 5 * MINUTE;
  it('are a drill that failed, and a proof that is too old or was never there', () => {
    assert.deepEqual(look({ proofTrouble: { kind: 'disproven', at: AT } }), ['drill.failed source']);
    assert.deepEqual(look({ proofTrouble: { kind: 'too_old', at: AT, withinDays: 30 } }), ['proof.overdue source']);
    const never = judgeSource(facts({ proofTrouble: { kind: 'too_old', at: undefined, withinDays: 30 } }), () => 1);
    assert.deepEqual(
      never.map(({ since }) => since),
      [NOW],
    );
    const later = judgeSource(
      facts({ now: NOW + MINUTE, before: never, proofTrouble: { kind: 'too_old', at: undefined, withinDays: 30 } }),
      () => 1,
    );
    assert.deepEqual(
      later.map(({ since }) => since),
      [NOW],
      'it counts from the first look',
    );
  });
});

describe('Signs of drills', () => {
  const DAY = 24 * 60 * MINUTE;
  const failure = { code: 'tool_failed' as const, message: 'there was no room', reason: 'disk_full' };
  const newest = { run: 'run_1' as RunId, hasVerdict: false, failure, at: NOW - MINUTE };
  const judge = (change: Partial<SourceFacts>) =>
    judgeSource(facts(change), () => 1).map(({ condition, since, run, text }) => [condition, since, run, text]);

  it('are one that came to no verdict, whatever was proven before it, until one does', () => {
    const sign = ['drill.unfinished', NOW - MINUTE, 'run_1', 'there was no room'];
    assert.deepEqual(judge({ newestDrill: newest }), [sign]);
    assert.deepEqual(judge({ newestDrill: { ...newest, hasVerdict: true } }), []);
    assert.deepEqual(judge({ newestDrill: newest, enabled: false }), []);
    assert.deepEqual(look({ newestDrill: newest, proofTrouble: { kind: 'disproven', at: NOW } }), [
      'drill.failed source',
      'drill.unfinished source',
    ]);
  });

  it('are one that is due for more than two days, unless all of its host waits', () => {
    const missedDrill = { since: NOW - 2 * DAY - 1, why: 'the repository is busy' };
    const since = new Date(missedDrill.since).toISOString().slice(0, 10);
    const text = `one is due since ${since}: the repository is busy`;
    assert.deepEqual(judge({ missedDrill }), [['drill.overdue', missedDrill.since, undefined, text]]);
    assert.deepEqual(judge({ missedDrill: { ...missedDrill, since: NOW - 2 * DAY } }), []);
    assert.deepEqual(judge({ missedDrill, host: { id: HOST, name: 'db-1', standing: 'offline' } }), []);
  });
});

describe('Signs of a repository', () => {
  const upkeep = (state: Run['state'], reason?: string): Run => ({
    ...({ id: 'run_check' as RunId, kind: 'check', state, createdAt: NOW - MINUTE, finishedAt: NOW } as Run),
    ...(reason === undefined ? {} : { failure: { code: 'tool_failed', message: 'it broke', reason } }),
  });
  const lookAt = (checks: readonly Run[], prunes: readonly Run[] = []) =>
    judgeRepository({ repository: { id: REPOSITORY, name: 's3-eu' }, checks, prunes });
  it('are what its newest check and prune failed of; what goes on or was cancelled says nothing', () => {
    const list = (checks: readonly Run[], prunes?: readonly Run[]) =>
      lookAt(checks, prunes).map(({ condition, thing }) => `${condition} ${thing.id}`);
    assert.deepEqual(list([]), []);
    assert.deepEqual(list([upkeep('succeeded'), upkeep('failed', 'repository_damaged')]), []);
    const damaged = upkeep('failed', 'repository_damaged');
    assert.deepEqual(list([upkeep('running'), upkeep('cancelled'), damaged]), ['repository.damaged repo_1']);
    assert.deepEqual(list([upkeep('failed', 'interrupted')], [upkeep('failed', 'removal_refused')]), [
      'check.failed repo_1',
      'prune.failed repo_1',
    ]);
    assert.deepEqual(
      lookAt([damaged]).map(({ since, run, text }) => [since, run, text]),
      [[NOW, 'run_check', 'it broke']],
    );
  });
});

describe('Signs of hosts', () => {
  it('are silence after its minutes, never while connected, and nobody new just after the server began', () => {
    const silent = [glance(1, { lastSeenAt: NOW - 2 * MINUTE - 1 })];
    const before = judgeHosts(hosts({ hosts: silent }));
    assert.deepEqual(
      before.map(({ condition, thing }) => [condition, thing.id]),
      [['host.silent', 'host_1']],
    );
    assert.deepEqual(judgeHosts(hosts({ hosts: [glance(1, { lastSeenAt: NOW - 2 * MINUTE })] })), []);
    assert.deepEqual(judgeHosts(hosts({ hosts: silent, isOnline: () => true })), []);
    assert.deepEqual(judgeHosts(hosts({ hosts: silent, isSettled: false })), []);
    assert.equal(judgeHosts(hosts({ hosts: silent, isSettled: false, before })).length, 1);
  });

  it('are the fleet’s where five fall silent at once, and stay with a host that was silent before', () => {
    const silent = [1, 2, 3, 4, 5, 6].map((index) => glance(index, { lastSeenAt: NOW - 9 * MINUTE }));
    const before = judgeHosts(hosts({ hosts: silent.slice(0, 1) }));
    const kinds = judgeHosts(hosts({ hosts: silent, before })).map(({ thing }) => thing.kind);
    assert.deepEqual(kinds, ['host', 'fleet', 'fleet', 'fleet', 'fleet', 'fleet']);
    assert.ok(judgeHosts(hosts({ hosts: silent.slice(0, 4) })).every(({ thing }) => thing.kind === 'host'));
    const fleetConditions = new Set(['host.silent'] as const);
    assert.equal(judgeHosts(hosts({ hosts: silent.slice(0, 1), fleetConditions }))[0]?.thing.kind, 'fleet');
  });

  it('are little disk until there is half as much again, quarantine, and an agent that is older', () => {
    const free = (bytes: number, before = hosts({}).before) =>
      judgeHosts(hosts({ hosts: [glance(1)], findFreeBytes: () => bytes, before }));
    const low = free(GIB - 1);
    assert.equal(low[0]?.condition, 'host.disk_low');
    assert.deepEqual([free(GIB).length, free(1.5 * GIB - 1, low).length, free(1.5 * GIB, low).length], [0, 1, 0]);
    assert.equal(judgeHosts(hosts({ hosts: [glance(1)], before: low })).length, 1, 'nobody says that there is room again');
    assert.equal(judgeHosts(hosts({ hosts: [glance(1, { state: 'quarantined' })] }))[0]?.condition, 'host.quarantined');
    assert.equal(judgeHosts(hosts({ hosts: [glance(1)], serverVersion: '0.2.0' }))[0]?.condition, 'host.outdated');
    for (const [a, b, isOlder] of [
      ['0.1.9', '0.1.10', true],
      ['1.0.0', '0.9.9', false],
      ['0.1.0', '0.1.0', false],
      ['nonsense', '0.1.0', false],
    ] as const)
      assert.equal(isOlderVersion(a, b), isOlder, `${a} ${b}`);
  });
});

describe('Signs of plans, of the server and of channels', () => {
  const NIGHTLY: PlanLook['plans'][number] = {
    ...{ id: PLAN, name: 'nightly', enabled: true, repository: REPOSITORY },
    ...{ retentionPolicy: 'pol_1' as PolicyId, copyRepository: undefined, copyPolicy: undefined },
  };
  const plans = (change: Partial<PlanLook>): PlanLook => ({
    plans: [NIGHTLY],
    misses: [],
    forgets: [],
    cleanAt: new Map(),
    hostNames: new Map([[HOST, 'db-1']]),
    repositories: new Map([[REPOSITORY, { id: REPOSITORY, name: 's3-eu' }]]),
    sourceHosts: new Map([[PLAN, new Set([HOST])]]),
    ...change,
  });
  const forget = (reason: string, state: TerminalState = 'skipped', isForAll = false): NewestForget => {
    const failure = { code: 'precondition' as const, message: 'no', reason };
    return { plan: PLAN, host: HOST, repository: REPOSITORY, isForAll, run: 'run_1' as RunId, state, failure, at: NOW };
  };
  const conditions = (change: Partial<PlanLook>) => judgePlans(plans(change)).map(({ condition }) => condition);

  it('are missed fires by host, retention that is frozen, and retention that asks, until a newer run says otherwise', () => {
    const misses = [{ plan: PLAN, host: HOST, count: 2, newestAt: NOW }];
    assert.deepEqual(conditions({ misses }), ['fire.missed']);
    assert.deepEqual(conditions({ misses, hostNames: new Map() }), []);
    assert.deepEqual(conditions({ misses, plans: [{ ...NIGHTLY, enabled: false }] }), []);
    assert.deepEqual(conditions({ forgets: [forget('retention_frozen')] }), ['retention.frozen']);
    assert.deepEqual(conditions({ forgets: [forget('retention_frozen', 'partial')] }), ['retention.frozen']);
    const cleanAt = new Map([[PLAN, NOW + 1]]);
    assert.deepEqual(
      conditions({ forgets: [forget('retention_frozen')], cleanAt }),
      ['retention.frozen'],
      'its size may not fit',
    );
    assert.deepEqual(conditions({ forgets: [forget('retention_frozen', 'skipped', true)], cleanAt }), []);
    assert.deepEqual(conditions({ forgets: [forget('retention_asks', 'skipped', true)], cleanAt }), ['retention.waiting']);
    const sourceHosts = new Map([[PLAN, new Set<HostId>()]]);
    assert.deepEqual(
      conditions({ forgets: [forget('retention_frozen')], sourceHosts }),
      [],
      'the host has no part in it any more',
    );
    assert.deepEqual(conditions({ forgets: [forget('retention_frozen', 'skipped', true)], sourceHosts }), ['retention.frozen']);
    assert.deepEqual(conditions({ forgets: [forget('retention_asks')], hostNames: new Map() }), [], 'nor one that is gone');
    const withoutPolicy = { ...NIGHTLY, retentionPolicy: undefined };
    assert.deepEqual(conditions({ forgets: [forget('retention_asks')], plans: [withoutPolicy] }), []);
  });

  it('are retention that failed, as one with its repository where the cause is there, and one that may remove nothing', () => {
    const list = (forgets: readonly NewestForget[], change: Partial<PlanLook> = {}) =>
      judgePlans(plans({ forgets, ...change })).map(({ condition, thing, name }) => [condition, thing.id, name]);
    assert.deepEqual(list([forget('interrupted', 'failed')]), [['forget.failed', PLAN, 'db-1']]);
    assert.deepEqual(list([forget('repository_unreachable', 'failed')]), [
      ['repository.unreachable', REPOSITORY, 'retention of nightly'],
    ]);
    assert.deepEqual(list([forget('overlap', 'skipped')]), []);
    const refused = ['retention.refused', REPOSITORY, 'retention of nightly'];
    assert.deepEqual(list([forget('removal_refused')]), [refused]);
    const kept = { id: REPOSITORY, name: 's3-eu', admin: { config: {}, secrets: {} } } as unknown as Repository;
    const repositories = new Map([[REPOSITORY, kept]]);
    assert.deepEqual(list([forget('removal_refused')], { repositories }), [], 'a person removes there, as was chosen');
    const second = 'repo_2' as RepositoryId;
    const copied = { ...NIGHTLY, copyRepository: second, copyPolicy: NIGHTLY.retentionPolicy };
    const both = [forget('retention_asks'), { ...forget('interrupted', 'failed'), repository: second }];
    const signs = judgePlans(plans({ forgets: both, plans: [copied] }));
    assert.deepEqual(
      signs.map(({ condition, subject }) => [condition, subject]),
      [
        ['retention.waiting', `retention ${HOST} ${REPOSITORY}`],
        ['forget.failed', `retention ${HOST} ${second}`],
      ],
    );
  });

  it('are little disk of the server, a database that does not work, and a channel whose last attempts failed', () => {
    assert.deepEqual(judgeServer({ freeBytes: GIB }, LIMITS, [], NOW), []);
    const low = judgeServer({ freeBytes: GIB - 1, databaseFault: 'its database cannot be written' }, LIMITS, [], NOW);
    assert.deepEqual(
      low.map(({ condition }) => condition),
      ['server.disk_low', 'server.database'],
    );
    assert.equal(judgeServer({ freeBytes: 1.2 * GIB }, LIMITS, low, NOW + 5)[0]?.since, NOW);
    const own = (change: Partial<Parameters<typeof judgeServer>[0]>) =>
      judgeServer({ freeBytes: 2 * GIB, ...change }, LIMITS, [], NOW).map(({ condition, text }) => `${condition}: ${text}`);
    const day = 24 * 60 * MINUTE;
    assert.deepEqual(own({ copiedAt: NOW - 7 * day, bornAt: 1, certificateEndsAt: NOW + 14 * day + 1 }), []);
    assert.match(own({ copiedAt: NOW - 9 * day })[0] ?? '', /^server\.copy_old: the newest copy is 9 days old/u);
    assert.match(own({ bornAt: NOW - 8 * day })[0] ?? '', /^server\.copy_old: it was never copied in 8 days/u);
    assert.deepEqual(own({ certificateEndsAt: NOW + day }), ['server.certificate: it ends in 1 day']);
    assert.match(own({ certificateEndsAt: NOW - 1 })[0] ?? '', /it has ended/u);
    const channel = { id: 'chan_1', name: 'on-call', enabled: true, failingSince: NOW, failure: 'refused' } as unknown as Channel;
    const failing = (failures: number, enabled = true) => judgeChannels([{ ...channel, failures, enabled }]).length;
    assert.deepEqual(
      [failing(OUTGOING.failuresUntilAlert - 1), failing(OUTGOING.failuresUntilAlert), failing(9, false)],
      [0, 1, 0],
    );
  });

  it('have a sentence for one and for many, without a word of code in it', () => {
    for (const condition of ALERT_CONDITIONS)
      for (const count of [1, 7]) assert.match(getConditionRule(condition).title('db-1', count), /^[A-Z\d]?[^_]*$/u, condition);
    assert.ok(isAsGrave('critical', 'warning') && isAsGrave('warning', 'warning') && !isAsGrave('notice', 'warning'));
  });
});

describe('A line of a log that leaves the server', () => {
  const cases: readonly (readonly [line: string, sent: string])[] = [
    ['open rest:https://ada:geheim@backup.example.com/x', 'open rest:https://***@backup.example.com/x'],
    ['Authorization: Bearer abcdefghijklmnop', 'Authorization: Bearer ***'],
    ['PGPASSWORD=geheim pg_dump', 'PGPASSWORD=*** pg_dump'],
    ['{"api_key": "geheim", "a": 1}', '{"api_key": ***, "a": 1}'],
    ['key AKIAIOSFODNN7EXAMPLE is wrong', 'key *** is wrong'],
    ['-----BEGIN OPENSSH PRIVATE KEY----- geheim', '***'],
    ['plain\u0007 words', 'plain words'],
  ];
  for (const [line, sent] of cases) it(`is cleaned: ${sent}`, () => assert.equal(redactLine(line, 500), sent));

  it('is cut after it was cleaned', () => assert.equal(redactLine('x'.repeat(999), 10), 'x'.repeat(10)));
});
