import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { SourceHealth } from '../health.ts';
import { addHost } from './reports.ts';
import { NOW, type OpenStore, OTHER_TENANT, TENANT, withStore } from './samples.ts';

/** What hosts told of their looks at their sources. */
export function checkHealth(open: OpenStore): void {
  describe('health of sources', () => {
    it(
      'is what was put last, for sources of the host that says it, and goes with the source',
      withStore(open, async (store) => {
        const { host, source } = await addHost(store);
        const other = await addHost(store);
        const health: SourceHealth = {
          ...{ source, state: 'degraded', since: NOW, lookedAt: NOW, toldAt: NOW + 1, failures: 1, latencyMs: 30 },
          failure: 'it said "no"\n',
          looks: [{ at: NOW, state: 'degraded', latencyMs: 30 }],
        };
        await store.health.putHealth(TENANT, other.host.id, [health]);
        assert.deepEqual(await store.health.listHealth(TENANT, [source]), [], 'another host cannot say it');
        await store.health.putHealth(TENANT, host.id, [health]);
        assert.deepEqual(await store.health.listHealth(TENANT, [source, other.source]), [health]);
        assert.deepEqual(await store.health.listHealth(OTHER_TENANT, [source]), []);
        const online: SourceHealth = { ...health, state: 'online', failures: 0, failure: undefined, looks: [] };
        await store.health.putHealth(TENANT, host.id, [online]);
        assert.deepEqual(await store.health.listHealth(TENANT, [source]), [online]);
        await store.sources.deleteSource(TENANT, source);
        assert.deepEqual(await store.health.listHealth(TENANT, [source]), []);
      }),
    );
  });
}
