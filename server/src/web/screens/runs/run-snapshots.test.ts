import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { DEFAULT_TENANT, type RunId } from '@holdfast/shared/domain/ids.ts';
import { createFleet, type Fleet, fail } from '../fixtures/fleet.ts';
import { createWorld, NOW, type World } from '../fixtures/world.ts';
import { SNAPSHOT_SCREENS } from '../snapshots/snapshot.ts';
import { RUN_SCREENS } from './run.ts';

let world: World;
let fleet: Fleet;

before(async () => {
  world = await createWorld([...RUN_SCREENS, ...SNAPSHOT_SCREENS]);
  fleet = await createFleet(world);
});
after(() => world.close());

const host = () => fleet.hosts['git'] ?? assert.fail();
const source = () => fleet.sources['git'] ?? assert.fail();
const readWords = (page: string) => page.replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ');

/** Told by its host while it goes on. */
async function storeUnvouched(run: RunId, at: number): Promise<string> {
  const id = world.context.createId('snapshot');
  const engineId = id
    .replace(/[^0-9a-f]/g, '')
    .padEnd(64, '0')
    .slice(0, 64);
  const snapshot = { id, engineId, source: source(), role: 'data' as const, createdAt: at, sizeBytes: 5, evidence: [] };
  await fleet.tell(host(), [{ type: 'snapshot.made', run, at, snapshot }]);
  return id;
}

async function endFailed(run: RunId, at: number): Promise<void> {
  const failure = fail('evidence_failed', 'It reads back as something else');
  const part = { source: source(), state: 'failed' as const, failure, warnings: [], bytes: 0, durationMs: 1 };
  await fleet.tell(host(), [
    { type: 'part.finished', run, at, part },
    { type: 'run.finished', run, at, state: 'failed', failure, evidence: [], bytes: 0, logLines: 0, durationMs: 1 },
  ]);
}

const begin = (at: number) => fleet.play({ host: host(), sources: [source()], at, tookMs: 1000, open: 'running', log: [] });

describe('A snapshot that no clean run vouches for', () => {
  it('says so on the page of its run and on its own, as long as the run goes on and when it has failed', async () => {
    const run = await begin(NOW);
    const id = await storeUnvouched(run, NOW + 10);
    for (const address of [`/runs/${run}`, `/snapshots/${id}`])
      assert.match(readWords(await world.read(address)), /Its run still goes on: until that ends clean/, address);
    await endFailed(run, NOW + 20);
    const words = readWords(await world.read(`/runs/${run}`));
    assert.match(
      words,
      /not vouched for \w{8} 5 B · not offered for restore\. Its run did not end clean: It reads back as something else\./,
    );
    assert.match(
      readWords(await world.read(`/snapshots/${id}`)),
      /No clean run vouches for this snapshot, so it is not offered for restore\. Its run did not end clean: It reads back/,
    );
  });

  it('names the attempt that left it, although the run was clean in the end', async () => {
    const run = await begin(NOW);
    await storeUnvouched(run, NOW + 10);
    const failure = fail('interrupted', 'The agent was stopped in the middle of attempt 1');
    await fleet.tell(host(), [{ type: 'run.attempt', run, at: NOW + 20, attempt: 1, failure, retryAt: NOW + 20 }]);
    const words = readWords(await world.read(`/runs/${run}`));
    assert.match(words, /Attempt 1 stored it and did not end clean: The agent was stopped in the middle of attempt 1\./);
  });
});

describe('The page of a run of one source', () => {
  it('shows what it stored as good', async () => {
    const run = await fleet.play({ host: host(), sources: [source()], at: NOW, tookMs: 1000, log: [] });
    const [snapshot] = (await world.context.store.snapshots.listSnapshots(DEFAULT_TENANT, { run }, { limit: 1 })).rows;
    const page = await world.read(`/runs/${run}`);
    assert.match(page, new RegExp(`id="stored-${snapshot?.id}"`));
    assert.match(readWords(page), /Snapshots good \w{8}/);
  });
});
