import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import type { HostHappening } from '../trail.ts';
import {
  NOW,
  type OpenStore,
  OTHER_TENANT,
  sampleHost,
  sampleId,
  sampleRepository,
  sampleSource,
  sequence,
  TENANT,
  withStore,
} from './samples.ts';

export function checkTrail(open: OpenStore): void {
  describe('trail, settings and readiness', () => {
    it(
      'lists what happened to a host, newest first, and forgets only the oldest of a host that talks too much',
      withStore(open, async ({ hosts, trail }) => {
        const [quiet, loud] = [sampleHost(), sampleHost()];
        await hosts.insertHost(quiet);
        await hosts.insertHost(loud);
        const said = {
          tenant: TENANT,
          host: quiet.id,
          at: NOW,
          type: 'connected',
          level: 'info',
          text: 'hello',
          run: sampleId('run'),
        } as const;
        await trail.appendHappening(said);
        for (let i = 0; i < 1100; i += 1)
          await trail.appendHappening({ ...said, host: loud.id, at: NOW - i, text: `${i}`, run: undefined });
        assert.deepEqual(await trail.listHappenings(TENANT, quiet.id, 10), [said]);
        assert.deepEqual(await trail.listHappenings(OTHER_TENANT, quiet.id, 10), []);
        const kept = await trail.listHappenings(TENANT, loud.id, 5000);
        assert.equal(kept.length, 1000);
        assert.deepEqual([kept[0]?.text, kept.at(-1)?.text], ['1099', '100']);
        const paged: HostHappening[] = [];
        let after: string | undefined;
        do {
          const page = await trail.pageHappenings(TENANT, loud.id, { limit: 150, after });
          paged.push(...page.rows);
          after = page.next;
        } while (after !== undefined);
        assert.deepEqual(paged, kept);
        assert.deepEqual(await trail.pageHappenings(OTHER_TENANT, loud.id, { limit: 10 }), { rows: [], next: undefined });
      }),
    );

    it(
      'notes what a host reports once, however often it is sent again in another epoch',
      withStore(open, async (store) => {
        const host = sampleHost();
        await store.hosts.insertHost(host);
        const repository = sampleId('repository');
        const told: DurableEvent[] = [
          { type: 'host.notice', at: NOW, level: 'warn', text: 'a' },
          { type: 'host.notice', at: NOW, level: 'info', text: 'a' },
          { type: 'host.notice', at: NOW + 1, level: 'warn', text: 'a' },
          { type: 'repository.reconciled', at: NOW + 2, repository, orphans: [], missing: [] },
        ];
        for (const epoch of ['epoch-first', 'epoch-again'])
          await store.events.applyEvents(TENANT, host.id, epoch, sequence(told), NOW + 100);
        const kept = await store.trail.listHappenings(TENANT, host.id, 10);
        assert.deepEqual(
          kept.map((happening) => happening.at),
          [NOW + 2, NOW + 1, NOW, NOW],
        );
      }),
    );

    it(
      'keeps settings: put replaces, init does not',
      withStore(open, async ({ settings }) => {
        assert.equal(await settings.findSetting('key'), undefined);
        assert.equal(await settings.initSetting('key', 'first'), 'first');
        assert.equal(await settings.initSetting('key', 'second'), 'first');
        const turns = ['third', 'fourth'].map((value) => settings.exchangeSetting('key', 'first', value));
        assert.deepEqual((await Promise.all(turns)).sort(), [false, true], 'one of two that knew the same');
        assert.equal(await settings.exchangeSetting('key', undefined, 'fifth'), false);
        assert.equal(await settings.exchangeSetting('new key', undefined, 'first'), true);
        assert.equal(await settings.findSetting('new key'), 'first');
        await settings.putSetting('key', 'third \u0000 ü');
        assert.equal(await settings.findSetting('key'), 'third \u0000 ü');
      }),
    );

    it(
      'knows whether anything is encrypted',
      withStore(open, async ({ hosts, sources, repositories, settings }) => {
        const host = sampleHost();
        await hosts.insertHost(host);
        await sources.insertSource(sampleSource(host));
        await repositories.insertRepository(sampleRepository({ secrets: {} }));
        assert.equal(await settings.hasEncryptedRows(), false);
        await sources.insertSource(sampleSource(host, { secrets: { password: 'cipher' } }));
        assert.equal(await settings.hasEncryptedRows(), true);
      }),
    );

    it(
      'proves that it can take a row, and refuses everything once it is closed',
      withStore(open, async (store) => {
        await store.probe();
        assert.equal(store.schema.current, store.schema.newest);
        await store.close();
        await store.close();
        await assert.rejects(store.probe(), { code: 'unavailable' });
        await assert.rejects(store.people.countUsers(), { code: 'unavailable' });
      }),
    );
  });
}
