import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ALERT_ORDERS, DIRECTIONS } from '@holdfast/shared/domain/list-orders.ts';
import type { Alert, AlertSign, SignRange, Thing } from '../alerts.ts';
import type { PageRequest } from '../page.ts';
import type { Store } from '../store.ts';
import { addHost, backUp, createdEvent, finishedEvent, partEvent, report, startedEvent } from './reports.ts';
import { NOW, nextNumber, type OpenStore, OTHER_TENANT, refusal, sampleHost, sampleId, TENANT, withStore } from './samples.ts';

const MINUTE = 60_000;

function sampleSign(change: Partial<AlertSign> = {}): AlertSign {
  const source = sampleId('source');
  return {
    scope: 'source',
    scopeId: source,
    subject: `${source} plan`,
    condition: 'backup.failed',
    thing: { kind: 'source', id: source },
    name: `db / ${nextNumber()}`,
    text: 'it broke',
    since: NOW - MINUTE,
    run: undefined,
    lastGoodAt: undefined,
    ...change,
  };
}

export function sampleAlert(change: Partial<Alert> = {}): Alert {
  return {
    id: sampleId('alert'),
    tenant: TENANT,
    condition: 'backup.failed',
    severity: 'critical',
    thing: { kind: 'source', id: sampleId('source') },
    thingName: 'db / shop',
    title: 'The backup of db / shop failed',
    text: 'it broke',
    members: 1,
    named: ['db / shop'],
    since: NOW - MINUTE,
    raisedAt: NOW,
    settledAt: NOW,
    clearSince: undefined,
    resolvedAt: undefined,
    flaps: 0,
    acknowledgedAt: undefined,
    acknowledgedBy: undefined,
    snoozedUntil: undefined,
    snoozedBy: undefined,
    run: undefined,
    lastGoodAt: undefined,
    version: 1,
    ...change,
  };
}

const insert = (store: Store, alert: Alert) =>
  store.alerts.applyStep({ alert, isNew: true, event: { at: NOW, kind: 'raised', text: 'it broke' }, deliveries: [], at: NOW });
const update = (store: Store, alert: Alert) => store.alerts.applyStep({ alert, isNew: false, deliveries: [], at: NOW });
const unsettled = (store: Store, now = NOW, clearBefore = NOW) => store.alerts.listUnsettled(TENANT, now, clearBefore, 50);
const ofSign = (sign: AlertSign): SignRange => ({ scope: sign.scope, ids: [sign.scopeId] });

function checkSigns(open: OpenStore): void {
  it(
    'replaces what a look covered and nothing else, and says whether anything changed',
    withStore(open, async ({ alerts }) => {
      const [first, second] = [sampleSign(), sampleSign({ run: sampleId('run'), lastGoodAt: NOW - 5 })];
      assert.equal(await alerts.replaceSigns(TENANT, ofSign(first), [first], NOW), true);
      assert.equal(await alerts.replaceSigns(TENANT, ofSign(second), [second], NOW), true);
      assert.equal(await alerts.replaceSigns(TENANT, ofSign(second), [second], NOW + 1), false);
      assert.deepEqual(await alerts.listSigns(TENANT, { scope: 'source', ids: [first.scopeId, second.scopeId] }), [
        first,
        second,
      ]);
      assert.deepEqual(await alerts.listSigns(TENANT, { scope: 'source', after: first.scopeId, through: undefined }), [second]);
      assert.deepEqual(await alerts.listSigns(TENANT, { scope: 'source', after: '', through: first.scopeId }), [first]);
      assert.deepEqual(await alerts.listSigns(TENANT, { scope: 'plan', after: '', through: undefined }), []);
      assert.deepEqual(await alerts.listSigns(OTHER_TENANT, ofSign(first)), []);
      const other = { ...first, condition: 'backup.partial' as const };
      assert.equal(await alerts.replaceSigns(TENANT, ofSign(first), [other], NOW + 2), true);
      assert.deepEqual(await alerts.listSignsOf(TENANT, 'backup.failed', first.thing, 5), []);
      assert.deepEqual(await alerts.listSignsOf(TENANT, 'backup.partial', first.thing, 5), [other]);
      assert.equal(await alerts.replaceSigns(TENANT, { scope: 'source', after: '', through: undefined }, [], NOW + 3), true);
      assert.deepEqual(await alerts.listSigns(TENANT, ofSign(second)), []);
    }),
  );

  it(
    'lists what one alert holds for page by page, the oldest first, also where many began at once',
    withStore(open, async ({ alerts }) => {
      const thing: Thing = { kind: 'repository', id: sampleId('repository') };
      const signs = [1, 2, 2, 2, 3].map((n) => sampleSign({ condition: 'repository.full', thing, since: NOW + n }));
      for (const sign of signs.toReversed()) await alerts.replaceSigns(TENANT, ofSign(sign), [sign], NOW);
      const list = async (page: PageRequest) => alerts.listMembers(TENANT, 'repository.full', thing, page);
      const first = await list({ limit: 2 });
      const second = await list({ limit: 2, after: first.next });
      const third = await list({ limit: 2, after: second.next });
      assert.deepEqual(third.next, undefined);
      const all = [...first.rows, ...second.rows, ...third.rows];
      assert.deepEqual(all, (await list({ limit: 5 })).rows);
      assert.deepEqual(new Set(all.map(({ scopeId }) => scopeId)), new Set(signs.map(({ scopeId }) => scopeId)));
      assert.deepEqual([all[0], all[4]], [signs[0], signs[4]]);
      assert.deepEqual((await alerts.listMembers(OTHER_TENANT, 'repository.full', thing, { limit: 5 })).rows, []);
    }),
  );

  it(
    'names every difference between signs and alerts, and none where they fit',
    withStore(open, async (store) => {
      const { alerts } = store;
      const thing: Thing = { kind: 'repository', id: sampleId('repository') };
      const signs = [1, 2, 3].map((n) => sampleSign({ condition: 'repository.unreachable', thing, since: NOW - n * MINUTE }));
      for (const sign of signs) await alerts.replaceSigns(TENANT, ofSign(sign), [sign], NOW);
      const group = { condition: 'repository.unreachable' as const, thing, members: 3, since: NOW - 3 * MINUTE, changedAt: NOW };
      assert.deepEqual(await unsettled(store), [{ ...group, alert: undefined }]);
      const alert = sampleAlert({ condition: 'repository.unreachable', thing, members: 3 });
      await insert(store, alert);
      assert.deepEqual(await unsettled(store), []);

      const [first, ...rest] = signs;
      assert.ok(first);
      await alerts.replaceSigns(TENANT, ofSign(first), [{ ...first, text: 'it broke again' }], NOW + 5);
      assert.deepEqual(await unsettled(store), [{ ...group, changedAt: NOW + 5, alert }]);
      await alerts.replaceSigns(TENANT, ofSign(first), [], NOW + 6);
      assert.equal((await unsettled(store))[0]?.members, 2);
      for (const sign of rest) await alerts.replaceSigns(TENANT, ofSign(sign), [], NOW + 7);
      assert.deepEqual(
        (await unsettled(store)).map((one) => [one.members, one.alert?.id]),
        [[0, alert.id]],
      );
      // Kept while it flaps: it waits until it was clear for long enough.
      await update(store, { ...alert, clearSince: NOW });
      assert.deepEqual(await unsettled(store, NOW, NOW - 1), []);
      assert.equal((await unsettled(store, NOW, NOW)).length, 1);
      await update(store, { ...alert, version: 2, resolvedAt: NOW });
      assert.deepEqual(await unsettled(store), []);
    }),
  );

  it(
    'names an alert whose snooze is over, and one that came back while it was kept',
    withStore(open, async (store) => {
      const sign = sampleSign();
      await store.alerts.replaceSigns(TENANT, ofSign(sign), [sign], NOW);
      const alert = sampleAlert({ thing: sign.thing, snoozedUntil: NOW + 100 });
      await insert(store, alert);
      assert.deepEqual(await unsettled(store, NOW + 99), []);
      assert.equal((await unsettled(store, NOW + 100)).length, 1);
      await update(store, { ...alert, snoozedUntil: undefined, clearSince: NOW });
      assert.equal((await unsettled(store)).length, 1);
    }),
  );
}

/** Alerts as the page of what they are about asks for them. */
function checkAlertsAbout(open: OpenStore): void {
  it(
    'lists what is wrong with things of one kind, the gravest first, and no more of it once it is over',
    withStore(open, async (store) => {
      const id = sampleId('repository');
      const thing: Thing = { kind: 'repository', id };
      const minor = sampleAlert({ thing, condition: 'repository.disk_low', severity: 'warning', raisedAt: NOW + 5 });
      const grave = sampleAlert({ thing, condition: 'repository.full', acknowledgedAt: NOW, acknowledgedBy: 'Ada' });
      const newer = sampleAlert({ thing, condition: 'check.failed', raisedAt: NOW + 1 });
      const others = [sampleAlert({ condition: 'repository.full' }), sampleAlert({ thing: { kind: 'host', id } })];
      for (const alert of [minor, grave, newer, ...others]) await insert(store, alert);
      const list = async (tenant = TENANT) =>
        (await store.alerts.listActiveAbout(tenant, 'repository', [id, sampleId('repository')])).map((alert) => alert.id);
      assert.deepEqual(await list(), [newer.id, grave.id, minor.id]);
      await update(store, { ...newer, resolvedAt: NOW + 9 });
      assert.deepEqual(await list(), [grave.id, minor.id]);
      assert.deepEqual(await list(OTHER_TENANT), []);
      assert.deepEqual(await store.alerts.listActiveAbout(TENANT, 'repository', []), []);
    }),
  );
}

function checkAlertRows(open: OpenStore): void {
  it(
    'keeps one standing alert of a condition and thing, and finds the one that was over last',
    withStore(open, async (store) => {
      const { alerts } = store;
      const alert = sampleAlert();
      await insert(store, alert);
      assert.deepEqual(await alerts.findAlert(TENANT, alert.id), alert);
      assert.equal(await alerts.findAlert(OTHER_TENANT, alert.id), undefined);
      await assert.rejects(insert(store, sampleAlert({ thing: alert.thing })), refusal('conflict'));
      await update(store, { ...alert, resolvedAt: NOW + 10 });
      const { condition, thing } = alert;
      assert.equal((await alerts.findPast(TENANT, condition, thing, NOW + 10))?.id, alert.id);
      assert.equal(await alerts.findPast(TENANT, condition, thing, NOW + 11), undefined);
      await insert(store, sampleAlert({ thing }));
      await assert.rejects(update(store, { ...alert, title: 'stale' }), refusal('conflict', { field: 'version' }));
    }),
  );

  it(
    'counts and lists by what is done about them, newest first, and pages without a gap',
    withStore(open, async (store) => {
      const { alerts } = store;
      const fresh = [1, 2, 3].map((n) => sampleAlert({ raisedAt: NOW + n, severity: n === 3 ? 'warning' : 'critical' }));
      const taken = sampleAlert({ raisedAt: NOW + 4, acknowledgedAt: NOW, acknowledgedBy: 'Ada' });
      const off = sampleAlert({ raisedAt: NOW + 5, condition: 'host.silent', snoozedUntil: NOW + 100, snoozedBy: 'Ada' });
      const over = sampleAlert({ raisedAt: NOW, resolvedAt: NOW + 50 });
      for (const alert of [...fresh, taken, off, over]) await insert(store, alert);
      assert.deepEqual(await alerts.countAlerts(TENANT, NOW), { open: 3, acknowledged: 1, snoozed: 1, critical: 2 });
      assert.equal((await alerts.countAlerts(TENANT, NOW + 100)).open, 4);
      assert.deepEqual(
        await alerts.countByCondition(TENANT),
        new Map([
          ['backup.failed', 4],
          ['host.silent', 1],
        ]),
      );
      const list = async (filter: Parameters<typeof alerts.listAlerts>[1], now = NOW) =>
        (await alerts.listAlerts(TENANT, filter, now, { limit: 50 })).rows.map(({ id }) => id);
      const newestFirst = fresh.toReversed().map(({ id }) => id);
      assert.deepEqual(await list({ state: 'active' }), [off.id, taken.id, ...newestFirst]);
      assert.deepEqual(await list({ state: 'open' }), newestFirst);
      assert.deepEqual(await list({ state: 'open' }, NOW + 100), [off.id, ...newestFirst]);
      assert.deepEqual(await list({ state: 'acknowledged' }), [taken.id]);
      assert.deepEqual(await list({ state: 'snoozed' }), [off.id]);
      assert.deepEqual(await list({ state: 'resolved' }), [over.id]);
      assert.deepEqual(await list({ state: 'open', severity: 'warning' }), [fresh[2]?.id]);
      assert.deepEqual(await list({ condition: 'host.silent' }), [off.id]);
      assert.deepEqual(await list({ thing: taken.thing }), [taken.id]);
      const seen: string[] = [];
      for (let after: string | undefined; ; ) {
        const page = await alerts.listAlerts(TENANT, { state: 'active' }, NOW, { limit: 2, after });
        seen.push(...page.rows.map(({ id }) => id));
        after = page.next;
        if (after === undefined) break;
      }
      assert.deepEqual(seen, [off.id, taken.id, ...newestFirst]);
      const needy: string[] = [];
      for (let after: string | undefined; ; ) {
        const page = await alerts.listActiveAlerts(TENANT, { state: 'active' }, NOW, { limit: 2, after });
        needy.push(...page.rows.map(({ id }) => id));
        after = page.next;
        if (after === undefined) break;
      }
      const open = [fresh[1], fresh[0], fresh[2]].map((alert) => alert?.id);
      assert.deepEqual(needy, [...open, taken.id, off.id], 'the gravest first, and what somebody sees to behind');
      for (const by of ALERT_ORDERS)
        for (const direction of DIRECTIONS) {
          const walk = async (limit: number) => {
            const ids: string[] = [];
            for (let after: string | undefined; ; ) {
              const sorted = { limit, after, sort: { by, direction } };
              const page = await alerts.listActiveAlerts(TENANT, { state: 'active' }, NOW, sorted);
              ids.push(...page.rows.map(({ id }) => id));
              after = page.next;
              if (after === undefined) return ids;
            }
          };
          const [whole, paged] = [await walk(200), await walk(2)];
          assert.deepEqual(paged, whole, `${by} ${direction}`);
          assert.deepEqual(new Set(whole), new Set(needy), `${by} ${direction}`);
          if (by === 'need' && direction === 'desc') assert.deepEqual(whole, needy);
        }
      const woken = await alerts.listActiveAlerts(TENANT, { state: 'open' }, NOW + 100, { limit: 5 });
      assert.deepEqual(
        woken.rows.map(({ id }) => id),
        [off.id, ...open],
      );
    }),
  );

  it(
    'keeps the history of an alert, and drops both when they are old',
    withStore(open, async (store) => {
      const { alerts } = store;
      const alert = sampleAlert();
      await insert(store, alert);
      const event = { at: NOW + 1, kind: 'acknowledged', by: 'Ada', text: 'somebody sees to it' } as const;
      await alerts.applyStep({ alert: { ...alert, resolvedAt: NOW + 2 }, isNew: false, event, deliveries: [], at: NOW + 1 });
      const raised = { at: NOW, kind: 'raised', by: undefined, text: 'it broke' };
      assert.deepEqual(await alerts.listAlertEvents(TENANT, alert.id, 5), [event, raised]);
      assert.deepEqual(await alerts.listAlertEvents(TENANT, alert.id, 1), [event]);
      assert.equal(await alerts.pruneAlerts(NOW + 2, 10), 0);
      assert.equal(await alerts.pruneAlerts(NOW + 3, 10), 1);
      assert.deepEqual(await alerts.listAlertEvents(TENANT, alert.id, 5), []);
    }),
  );
}

function checkSearch(open: OpenStore): void {
  it(
    'finds alerts by part of title, detail or a name, whatever its case, also those that are over',
    withStore(open, async (store) => {
      const one = sampleAlert({ thingName: 'Büro-7', named: ['Büro-7 / "Kasse"'] });
      const over = sampleAlert({ title: 'The prune of ARCHIV failed', text: 'disk full', resolvedAt: NOW + 1 });
      for (const alert of [one, over]) await insert(store, alert);
      const find = async (search: string) => {
        const active = await store.alerts.listActiveAlerts(TENANT, { state: 'active', search }, NOW, { limit: 5 });
        const past = await store.alerts.listAlerts(TENANT, { state: 'resolved', search }, NOW, { limit: 5 });
        return [...active.rows, ...past.rows].map(({ id }) => id);
      };
      assert.deepEqual([await find('büro'), await find('BÜRO-7 /'), await find('kasse')], [[one.id], [one.id], [one.id]]);
      assert.deepEqual([await find('archiv'), await find('DISK'), await find('nothing')], [[over.id], [over.id], []]);
    }),
  );
}

function checkFacts(open: OpenStore): void {
  it(
    'reads how sources fared in each of their plans, newest first, the failure of the run where the part names none',
    withStore(open, async (store) => {
      const { host, source } = await addHost(store);
      const [plan, repository] = [sampleId('plan'), sampleId('repository')];
      const runs: string[] = [];
      for (const [index, state] of (['succeeded', 'failed', 'partial'] as const).entries()) {
        const at = NOW + index * MINUTE;
        const made = await backUp(store, host, { sources: [source], repository, state, created: { plan, at } });
        runs.unshift(made.run);
      }
      const parts = await store.alerts.listRecentParts(TENANT, [source, sampleId('source')], 2);
      assert.deepEqual(
        parts.map((part) => [part.run, part.state, part.plan, part.host, part.repository, part.failure?.reason]),
        [
          [runs[0], 'partial', plan, host.id, repository, undefined],
          [runs[1], 'failed', plan, host.id, repository, 'dump_failed'],
        ],
      );
      assert.deepEqual(await store.alerts.listRecentParts(OTHER_TENANT, [source], 2), []);
    }),
  );

  it(
    'reads the newest drill of each source that was neither cancelled nor skipped, and whether it came to a verdict',
    withStore(open, async (store) => {
      const { host, source } = await addHost(store);
      await backUp(store, host, { sources: [source], created: { plan: sampleId('plan') } });
      const [snapshot] = (await store.snapshots.listSnapshots(TENANT, { source }, { limit: 1 })).rows;
      const drill = async (at: number, state: 'succeeded' | 'failed' | 'cancelled', reason?: string) => {
        const run = sampleId('run');
        const failure = reason === undefined ? undefined : { code: 'tool_failed' as const, message: 'no', reason };
        const end = partEvent(run, source, state, at);
        const verdict = { isProven: true, restoreMs: 1, snapshotAgeMs: 1, things: 1 };
        await report(store, host, [
          createdEvent(run, { kind: 'drill', sources: [source], snapshot: snapshot?.id, at }),
          startedEvent(run, at),
          ...(state === 'succeeded' ? [{ ...end, part: { ...end.part, drill: verdict } }] : []),
          finishedEvent(run, state, { failure }),
        ]);
        return run;
      };
      const list = (since = NOW) => store.alerts.listNewestDrills(TENANT, [source, sampleId('source')], since);
      assert.deepEqual(await list(), []);
      const proven = await drill(NOW + 10, 'succeeded');
      assert.deepEqual(
        (await list()).map(({ run, hasVerdict, failure }) => [run, hasVerdict, failure]),
        [[proven, true, undefined]],
      );
      const late = await drill(NOW + 20, 'failed', 'timed_out');
      await drill(NOW + 30, 'cancelled', 'cancelled');
      assert.deepEqual(
        (await list()).map(({ source: id, run, hasVerdict, failure }) => [id, run, hasVerdict, failure?.reason]),
        [[source, late, false, 'timed_out']],
      );
      assert.deepEqual(await list(NOW + 31), []);
      assert.deepEqual(await store.alerts.listNewestDrills(OTHER_TENANT, [source], NOW), []);
    }),
  );

  it(
    'reads the newest forget run of a plan on each of its hosts and in each repository, one that was cancelled left out',
    withStore(open, async (store) => {
      const plan = sampleId('plan');
      const repository = sampleId('repository');
      const forget = async (at: number, reason?: string) => {
        const { host } = await addHost(store);
        const run = sampleId('run');
        const failure = reason === undefined ? undefined : { code: 'precondition' as const, message: 'no', reason };
        await report(store, host, [
          createdEvent(run, { kind: 'forget', plan, repository, at }),
          startedEvent(run, at),
          finishedEvent(run, 'failed', { failure }),
        ]);
        return { host, run };
      };
      const frozen = await forget(NOW, 'retention_frozen');
      const later = sampleId('run');
      await report(store, frozen.host, [
        createdEvent(later, { kind: 'forget', plan, repository, at: NOW + 5 }),
        startedEvent(later, NOW + 5),
        finishedEvent(later, 'succeeded'),
      ]);
      const cancelled = sampleId('run');
      await report(store, frozen.host, [
        createdEvent(cancelled, { kind: 'forget', plan, repository, at: NOW + 6 }),
        startedEvent(cancelled, NOW + 6),
        finishedEvent(cancelled, 'cancelled'),
      ]);
      const elsewhere = sampleId('repository');
      const ofCopies = sampleId('run');
      await report(store, frozen.host, [
        createdEvent(ofCopies, { kind: 'forget', plan, repository: elsewhere, at: NOW + 4 }),
        startedEvent(ofCopies, NOW + 4),
        finishedEvent(ofCopies, 'succeeded'),
      ]);
      const waiting = await forget(NOW + 1, 'retention_asks');
      const found = await store.alerts.listNewestForgets(TENANT, [plan, sampleId('plan')], NOW);
      assert.deepEqual(
        found.map((one) => [one.run, one.host, one.repository, one.isForAll, one.failure?.reason]),
        [
          [later, frozen.host.id, repository, false, undefined],
          [ofCopies, frozen.host.id, elsewhere, false, undefined],
          [waiting.run, waiting.host.id, repository, false, 'retention_asks'],
        ],
      );
      assert.deepEqual(await store.alerts.listNewestForgets(TENANT, [plan], NOW + 6), []);
    }),
  );

  it(
    'walks hosts and sources by id, without hosts that are revoked',
    withStore(open, async (store) => {
      const [one, two] = [await addHost(store), await addHost(store)];
      const revoked = sampleHost({ state: 'revoked' });
      await store.hosts.insertHost(revoked);
      const ids = [one.host.id, two.host.id].sort();
      const glances = await store.alerts.listHostGlances(TENANT, '', 10);
      assert.deepEqual(
        glances.map(({ id }) => id),
        ids,
      );
      assert.equal(glances[0]?.agentVersion, one.host.facts?.agentVersion);
      assert.equal((await store.alerts.listHostGlances(TENANT, ids[0] ?? '', 10))[0]?.id, ids[1]);
      assert.deepEqual(await store.alerts.listSourceIds(TENANT, '', 10), [one.source, two.source].sort());
      assert.deepEqual(await store.alerts.listPlanIds(TENANT, '', 10), []);
      assert.deepEqual(await store.alerts.listRepositoryIds(TENANT, '', 10), []);
    }),
  );
}

export function checkAlerts(open: OpenStore): void {
  describe('alerts', () => {
    checkSigns(open);
    checkAlertsAbout(open);
    checkAlertRows(open);
    checkSearch(open);
    checkFacts(open);
  });
}
