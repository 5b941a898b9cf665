import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { DEFAULT_TENANT, type RunId } from '@holdfast/shared/domain/ids.ts';
import { createFleet, type Fleet } from '../fixtures/fleet.ts';
import { createWorld, NOW, type World } from '../fixtures/world.ts';
import { RUN_SCREENS } from '../runs/run.ts';
import { SNAPSHOT_SCREENS } from './snapshot.ts';
import { SNAPSHOTS_SCREENS } from './snapshots.ts';

const HOUR = 3_600_000;
const MIB = 1024 * 1024;

let world: World;
let fleet: Fleet;
let run: RunId;

before(async () => {
  world = await createWorld([...RUN_SCREENS, ...SNAPSHOT_SCREENS, ...SNAPSHOTS_SCREENS]);
  fleet = await createFleet(world);
  const host = fleet.hosts['git'] ?? assert.fail();
  const source = fleet.sources['git'] ?? assert.fail();
  for (const [index, bytes] of [40 * MIB, 41 * MIB, 39 * MIB, 4 * MIB].entries()) {
    run = await fleet.play({
      host,
      plan: fleet.plans.nightly,
      sources: [source],
      at: NOW - (4 - index) * HOUR,
      tookMs: 1000,
      bytes,
    });
  }
});
after(() => world.close());

describe('A backup of a suspicious size', () => {
  it('says so on the page of its run, with both sizes and what to do', async () => {
    const page = await world.read(`/runs/${run}`);
    assert.match(page, /Far smaller than the backups before it: 4[.0-9]*\s\S+ where 4[.0-9]*\s\S+ were usual/);
    assert.match(page, /Look at the source before you rely on it/);
  });

  it('is marked in the list of snapshots and on its page, never as plainly good', async () => {
    const { rows } = await world.context.store.snapshots.listSnapshots(DEFAULT_TENANT, { run }, { limit: 1 });
    assert.equal(rows[0]?.suspicion?.kind, 'shrunk');
    assert.match(await world.read('/snapshots'), /suspicious size/);
    const page = await world.read(`/snapshots/${rows[0]?.id}`);
    assert.match(page, /suspicious size/);
    assert.match(page, /Far smaller than the backups before it/);
  });
});
