import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { DEFAULT_TENANT } from '@holdfast/shared/domain/ids.ts';
import { createFleet, type Fleet, HOSTILE, playDay } from '../fixtures/fleet.ts';
import { createWorld, NOW, type World } from '../fixtures/world.ts';
import { listByHandSteps } from '../snapshots/snapshot-by-hand.ts';
import { RESTORE_SCREENS } from './restore.ts';
import { RESTORE_START_SCREENS } from './restore-start.ts';

let world: World;
let fleet: Fleet;

before(async () => {
  world = await createWorld([...RESTORE_START_SCREENS, ...RESTORE_SCREENS]);
  fleet = await createFleet(world);
  await playDay(fleet, NOW);
});
after(() => world.close());

const rowOf = (page: string, source: string) =>
  page.split('<tr ').find((row) => row.includes(`href="/sources/${fleet.sources[source]}"`)) ?? assert.fail(source);

describe('The page where a restore begins', () => {
  it('offers the newest good snapshot of each source, and the way to the older ones', async () => {
    const page = await world.read('/restore');
    const app = rowOf(page, 'app');
    const standings = await world.context.store.standings.listStandings(DEFAULT_TENANT, [fleet.sources['app'] ?? assert.fail()]);
    const newest = standings[0]?.lastGoodSnapshot ?? assert.fail('app has a good snapshot');
    assert.ok(app.includes(`href="/snapshots/${newest}/restore"`));
    assert.ok(app.includes(`href="/snapshots?source=${fleet.sources['app']}"`));
    assert.match(await world.read(`/snapshots/${newest}/restore`), /Bring back app as of/);
    // A database is brought back whole; of files some may be chosen at once.
    assert.ok(!app.includes('/files"'));
    assert.match(rowOf(page, 'www'), /href="\/snapshots\/snap_[^"]+\/files"[\s\S]*?Choose files…/);
    assert.ok(!page.includes(HOSTILE));
  });

  it('offers nothing for a source without a clean backup, and no button to who may not restore', async () => {
    const page = await world.read('/restore');
    assert.match(page, /none yet/);
    const viewed = await world.read('/restore', { role: 'viewer' });
    assert.doesNotMatch(viewed, /href="\/snapshots\/[^"]+\/restore"/);
  });

  it('finds a source by name and serves its table and its past restores alone', async () => {
    const found = await world.read('/restore?q=app', { part: 'restorable' });
    assert.match(found, /^<div class="table-wrap" +id="restorable"/);
    assert.ok(!found.includes(`/sources/${fleet.sources['www']}"`));
    assert.match(await world.read('/restore?q=no-such-name'), /No source has such a name/);
    assert.match(await world.read('/restore', { part: 'runs' }), /id="runs"/);
  });
});

describe('The way back by hand', () => {
  const base = { engineId: '0123456789abcdef01234567', role: 'data' as const, repository: '/backup' };
  it('is one exact line for a database, after a new one was made', () => {
    const lines = ['createdb new_database', 'pg_restore --dbname=new_database'];
    assert.deepEqual(
      listByHandSteps({ ...base, fileName: 'database.dump', lines })
        .map((step) => step.command)
        .slice(1),
      [
        'createdb new_database',
        'set -o pipefail; restic dump 0123456789abcdef /database.dump | pg_restore --dbname=new_database',
      ],
    );
  });
  it('takes the file out where nobody knows any more what reads it, and quotes its name', () => {
    const steps = listByHandSteps({ ...base, fileName: "it's", lines: [] });
    assert.equal(steps[1]?.command, "restic dump 0123456789abcdef '/it'\\''s' > 'it'\\''s'");
  });
});
