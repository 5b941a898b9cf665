import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AILMENT_TEXT_MAX } from '@holdfast/shared/domain/ailments.ts';
import { HOST_HEALTH } from '@holdfast/shared/domain/host-health.ts';
import { DEFAULT_PLAN_OPTIONS, type PlanOptions } from '@holdfast/shared/domain/plan.ts';
import { WIRE } from '@holdfast/shared/limits.ts';
import type { HostHooks } from '@holdfast/shared/protocol/host-hooks.ts';
import type { ToolReport } from '@holdfast/shared/protocol/messages.ts';
import { openCatalogRig } from '../fixtures/catalog-rig.ts';
import { factsOf } from '../fixtures/core-rig.ts';
import { updateSource } from '../sources/sources.ts';
import { findAilments, type HostSigns, isSameToAilments, judgeHost } from './ailments.ts';
import { findHostCondition } from './hosts.ts';

const ROOMY = { stateDiskFreeBytes: 9 * 1024 ** 3, journalBytes: 5 * 1024 ** 2, journalTakesWrites: true };
const RESTIC: ToolReport = { tool: 'restic', found: true, path: '/usr/bin/restic', version: '0.18.0' };

function describeSigns({
  host,
  ...change
}: Partial<Omit<HostSigns, 'host'>> & { host?: Partial<HostSigns['host']> } = {}): HostSigns {
  return {
    host: { facts: { ...factsOf('db-1'), pdeathsig: true }, tools: [RESTIC], skewMs: 40, secretsMode: 'kept', ...host },
    sources: [{ name: 'shop', kind: 'postgres', enabled: true }],
    repositories: [],
    plans: [],
    heartbeat: ROOMY,
    refusals: {},
    ...change,
  };
}

const judge = (change: Parameters<typeof describeSigns>[0]) =>
  findAilments(describeSigns(change)).map(({ about, text }) => `${about}: ${text}`);

describe('What is broken on a host', () => {
  it('is nothing where all is as it should be, or was not told', () => {
    assert.deepEqual(judge({}), []);
    const untold = { facts: undefined, tools: [], skewMs: undefined };
    assert.deepEqual(judge({ host: untold, heartbeat: { stateDiskFreeBytes: HOST_HEALTH.roomBadBytes } }), []);
  });

  it('is no client of MySQL’s own that is missing where MariaDB’s stand in for it', () => {
    const sources = [{ name: 'shop', kind: 'mysql', enabled: true }];
    const own: readonly ToolReport[] = [
      { tool: 'mysql', found: true, version: '9.7.4' },
      { tool: 'mysqldump', found: false },
    ];
    const others: readonly ToolReport[] = [
      { tool: 'mariadb', found: true, version: '10.11.19-MariaDB' },
      { tool: 'mariadb-dump', found: true, version: '10.11.19-MariaDB' },
    ];
    assert.deepEqual(judge({ host: { tools: [RESTIC, ...own] }, sources }), [
      'tools: mysqldump is missing, needed by shop: install it',
    ]);
    assert.deepEqual(judge({ host: { tools: [RESTIC, ...own, ...others] }, sources }), []);
  });

  it('is a tool that is missing or unusable, where something that is switched on needs it', () => {
    const tools: readonly ToolReport[] = [
      RESTIC,
      { tool: 'pg_dump', found: false, advice: 'install postgresql-client' },
      { tool: 'mariadb', found: false },
    ];
    assert.deepEqual(judge({ host: { tools } }), ['tools: pg_dump is missing, needed by shop: install postgresql-client']);
    assert.deepEqual(judge({ host: { tools }, sources: [{ name: 'shop', kind: 'postgres', enabled: false }] }), []);
    const old: readonly ToolReport[] = [{ ...RESTIC, advice: 'too old; install 0.18 or newer' }];
    assert.deepEqual(judge({ host: { tools: old } }), [
      'tools: restic cannot be used, nothing is backed up without it: too old; install 0.18 or newer',
    ]);
    assert.deepEqual(judge({ host: { tools: [{ tool: 'ssh', found: false }] }, repositories: [{ name: 'far', kind: 'sftp' }] }), [
      'tools: ssh is missing, needed by repository far: install it',
    ]);
  });

  it('is a script that a plan names and that cannot be used', () => {
    const plan = (name: string, hooks: PlanOptions['hooks']) => ({ name, options: { ...DEFAULT_PLAN_OPTIONS, hooks } });
    const plans = [plan('nightly', { before: 'stop', after: 'start' }), plan('weekly', { before: 'stop', after: 'stop' })];
    const told: HostHooks = { directory: '/etc/hooks', usable: ['start'], unusable: [], isWhole: true };
    const judgeHooks = (hooks: HostHooks | undefined) =>
      judge({ plans, host: { facts: { ...factsOf('db-1'), pdeathsig: true, hooks } } });
    assert.deepEqual(judgeHooks(undefined), [], 'an agent of an earlier version');
    assert.deepEqual(judgeHooks({ ...told, usable: ['start', 'stop'] }), []);
    assert.deepEqual(judgeHooks({ ...told, isWhole: false }), [], 'it may be one of those that were not told');
    assert.deepEqual(judgeHooks(told), [
      'hooks: stop is not in /etc/hooks, needed by nightly, weekly: install it there, or take it out of the plan',
    ]);
    assert.deepEqual(judgeHooks({ ...told, unusable: [{ name: 'stop', problem: 'It is a link.' }] }), [
      'hooks: stop cannot be used, needed by nightly, weekly: It is a link',
    ]);
    assert.deepEqual(judgeHooks({ ...told, usable: [], problem: 'Others can write there.' }), [
      'hooks: stop cannot be used, needed by nightly, weekly: Others can write there. start cannot be used, needed by nightly: Others can write there',
    ]);
  });

  it('names a few of many sources, and stays within its limit whatever a host says', () => {
    const sources = ['a', 'b', 'c', 'd', 'e'].map((name) => ({ name, kind: 'postgres', enabled: true }));
    assert.deepEqual(judge({ host: { tools: [{ tool: 'psql', found: false }] }, sources }), [
      'tools: psql is missing, needed by a, b, c and 2 more: install it',
    ]);
    const [ailment] = findAilments(describeSigns({ refusals: { spec: 'x'.repeat(5000) } }));
    assert.equal(ailment?.text.length, AILMENT_TEXT_MAX);
  });

  it('is a clock beyond its limit either way, and not one that is only worth a look', () => {
    assert.deepEqual(judge({ host: { skewMs: WIRE.skewAlertMs } }), []);
    assert.match(judge({ host: { skewMs: WIRE.skewAlertMs + 1 } })[0] ?? '', /^clock: it is more than a minute ahead of/);
    assert.match(judge({ host: { skewMs: -WIRE.skewAlertMs - 1 } })[0] ?? '', /^clock: it is more than a minute behind/);
    assert.deepEqual(
      judge({ host: { skewMs: 70_000 } }),
      judge({ host: { skewMs: 71_000 } }),
      'it does not change with each second',
    );
  });

  it('is a disk without room, a journal that grew or takes no writes, and tools that outlive the agent', () => {
    assert.match(
      judge({ heartbeat: { ...ROOMY, stateDiskFreeBytes: HOST_HEALTH.roomBadBytes - 1 } })[0] ?? '',
      /^room: less than 64 MiB/,
    );
    assert.match(judge({ heartbeat: { ...ROOMY, journalBytes: HOST_HEALTH.journalLookBytes } })[0] ?? '', /^journal: .* 2 GiB/);
    assert.match(judge({ heartbeat: { ...ROOMY, journalTakesWrites: false } })[0] ?? '', /^journal: its disk refuses writes/);
    assert.match(judge({ host: { facts: { ...factsOf('db-1'), pdeathsig: false } } })[0] ?? '', /^children: .*setpriv$/);
  });

  it('is what the host did not take of its settings, and of its secrets where it keeps none', () => {
    const refusals = { spec: 'the journal cannot be written', secrets: 'no answer' };
    assert.deepEqual(judge({ refusals }), [
      'settings: it works by older settings, because the newest did not reach it: the journal cannot be written',
    ]);
    const able: Partial<HostSigns['host']> = {
      facts: { ...factsOf('db-1'), pdeathsig: true, capabilities: ['secrets.put'] },
      secretsMode: 'just_in_time',
    };
    assert.match(
      judge({ host: able, refusals: { secrets: 'no answer' } })[0] ?? '',
      /^secrets: it keeps none and was not handed them.*no answer$/,
    );
    assert.deepEqual(judge({ host: able }), []);
    assert.match(judge({ host: { secretsMode: 'just_in_time' } })[0] ?? '', /^secrets: .*install a newer agent$/);
  });

  it('is judged anew by a heartbeat that says something else of it, and not by one with other figures', () => {
    assert.equal(isSameToAilments(ROOMY, { ...ROOMY, stateDiskFreeBytes: 8 * 1024 ** 3 }), true);
    assert.equal(isSameToAilments(ROOMY, { ...ROOMY, stateDiskFreeBytes: 0 }), false);
    assert.equal(isSameToAilments(ROOMY, { ...ROOMY, journalTakesWrites: false }), false);
  });

  it('makes a connected host degraded; one that is not connected or was never judged is unknown', () => {
    const ailments = [{ about: 'room', text: 'full' }] as const;
    assert.equal(findHostCondition('online', []), 'good');
    assert.equal(findHostCondition('online', ailments), 'degraded');
    assert.equal(findHostCondition('online', undefined), 'unknown');
    assert.equal(findHostCondition('offline', []), 'unknown');
    assert.equal(findHostCondition('quarantined', ailments), 'unknown');
  });

  it('is kept with the host, and goes when the source that needs the tool is switched off', async (t) => {
    const { context, admin, host, source, clock } = await openCatalogRig(t);
    const { hosts } = context.store;
    const tools: readonly ToolReport[] = [RESTIC, { tool: 'pg_dump', found: false, advice: 'install postgresql-client' }];
    const facts = { ...factsOf('db-1'), pdeathsig: true };
    await hosts.recordContact(host.id, { at: clock.now(), facts, tools });
    const look = () => judgeHost(context, { id: host.id, tenant: admin.tenant }, { heartbeat: ROOMY, refusals: {} });
    const read = async () => (await hosts.findHost(admin.tenant, host.id))?.ailments;
    assert.equal(await read(), undefined);
    assert.equal(await look(), true);
    assert.deepEqual(await read(), [{ about: 'tools', text: 'pg_dump is missing, needed by shop: install postgresql-client' }]);
    assert.equal(await look(), false, 'it is the same');
    await updateSource(context, admin, source.id, { enabled: false });
    assert.equal(await look(), true);
    assert.deepEqual(await read(), []);
    await hosts.recordContact(host.id, { at: clock.now(), facts: { ...facts, pdeathsig: false }, tools });
    assert.equal(await look(), true);
    await hosts.recordContact(host.id, {
      at: clock.now(),
      facts: { ...facts, pdeathsig: false },
      tools: [{ tool: 'restic', found: false }],
    });
    assert.equal(await look(), true);
    const happenings = (await context.store.trail.listHappenings(admin.tenant, host.id, 10)).toReversed();
    assert.deepEqual(
      happenings.map(({ type, level, text }) => [type, level, text]),
      [
        ['host.degraded', 'warn', 'degraded: Tools'],
        ['host.well', 'info', 'well again: nothing found broken any more (was: Tools)'],
        ['host.degraded', 'warn', 'degraded: Tools end with the agent'],
        ['host.degraded', 'warn', 'degraded: Tools, Tools end with the agent (was: Tools end with the agent)'],
      ],
      'the history of the host has each turn, and nothing where it stayed the same',
    );
  });
});
