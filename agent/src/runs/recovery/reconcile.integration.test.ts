import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { formatTags } from '@holdfast/shared/domain/snapshot.ts';
import { GENERATIONS } from '../../engines/restic/fixtures/laboratory.ts';
import { findEvent, openRunRig, PASSWORD, type RunRig, writeFolder } from '../fixtures/run-rig.ts';
import { reconcileRepository } from './reconcile.ts';

const NOTHING_ACTIVE = new Set<string>();

const listReports = (rig: RunRig) => rig.listEvents().flatMap((event) => (event.type === 'repository.reconciled' ? [event] : []));
const findState = (rig: RunRig, engineId: string) => rig.workbench.journal.snapshots.find(rig.repository.id, engineId)?.state;
const reconcile = (rig: RunRig, active: ReadonlySet<string> = NOTHING_ACTIVE) =>
  reconcileRepository(rig.workbench, rig.spec, rig.repository.id, active);

const newest = GENERATIONS.at(-1)?.binary ?? '';

/** restic by hand, as somebody else with the password would use it; its words are the same in both generations. */
const restic = (rig: RunRig, ...args: string[]) =>
  execFileSync(newest, ['--no-cache', '--quiet', ...args], {
    env: { PATH: '/usr/bin:/bin', RESTIC_REPOSITORY: join(rig.dir, 'repository'), RESTIC_PASSWORD: PASSWORD },
  });

/** Stores something without a run of ours; returns the snapshot's full id. */
function storeByHand(rig: RunRig, tags: readonly string[]): string {
  const list = () => readdirSync(join(rig.dir, 'repository/snapshots'));
  const before = list();
  const folder = writeFolder(join(rig.dir, 'by-hand'), { a: 'x' });
  restic(rig, 'backup', '--host', 'somebody', ...tags.flatMap((tag) => ['--tag', tag]), folder);
  const made = list().filter((name) => !before.includes(name));
  assert.equal(made.length, 1);
  return made[0] ?? '';
}

const tagsOf = ({ spec }: RunRig, run: string) =>
  formatTags({ tenant: spec.tenant, host: spec.host, plan: 'plan_x', source: 'source_x', run, role: 'data' });

/** With one snapshot that a clean run vouches for. */
async function openRepository(t: TestContext, binary: string): Promise<{ rig: RunRig; made: string }> {
  const rig = await openRunRig(t, { restic: binary });
  await rig.initRepository();
  rig.addFiles('letters', [writeFolder(join(rig.dir, 'letters'), { a: 'dear reader' })]);
  const made = findEvent(await rig.runPlan(), 'snapshot.made').snapshot.engineId;
  assert.equal(findState(rig, made), 'vouched');
  return { rig, made };
}

for (const { version, binary } of GENERATIONS) {
  describe(`Comparing a real repository with the ledger (restic ${version})`, () => {
    it('tells of what no run made, of what no run vouches for and of what is gone, and of nothing else', async (t) => {
      const { rig, made: gone } = await openRepository(t, binary);
      await reconcile(rig);
      assert.deepEqual(listReports(rig), [], 'everything is vouched for');
      const unvouched = findEvent(await rig.runPlan(), 'snapshot.made').snapshot.engineId;
      rig.workbench.journal.snapshots.setState(rig.repository.id, unvouched, 'unvouched');
      const strange = storeByHand(rig, tagsOf(rig, 'run_nobody_knows'));
      // Another host's, and nobody's.
      storeByHand(rig, ['host:host_of_another', 'run:run_of_another']);
      storeByHand(rig, []);
      restic(rig, 'forget', gone);
      const before = await rig.listSnapshots();
      await reconcile(rig);
      await reconcile(rig);
      const orphans = [unvouched, strange].toSorted();
      const told = () => listReports(rig).map((report) => [report.orphans.toSorted(), report.missing]);
      assert.deepEqual(told(), [[orphans, [gone]]], 'each thing once, however often it is looked at');
      assert.deepEqual([...new Set(listReports(rig).map((report) => report.repository))], [rig.repository.id]);
      assert.deepEqual(
        [gone, unvouched, strange].map((engineId) => findState(rig, engineId)),
        ['missing', 'unvouched', undefined],
      );
      assert.deepEqual(await rig.listSnapshots(), before, 'looking deletes nothing');
      restic(rig, 'forget', strange);
      await reconcile(rig);
      assert.deepEqual(told().slice(1), [[[unvouched], []]], 'and what is left, when some are dealt with');
      restic(rig, 'forget', unvouched);
      await reconcile(rig);
      const another = storeByHand(rig, tagsOf(rig, 'run_nobody_knows'));
      await reconcile(rig);
      assert.deepEqual(told().slice(2), [[[another], []]]);
    });

    it('changes nothing while another repository lies in its place', async (t) => {
      const { rig, made } = await openRepository(t, binary);
      const [place, away] = [join(rig.dir, 'repository'), join(rig.dir, 'away')];
      const [repository] = rig.spec.repositories;
      assert.ok(repository);
      repository.pinnedId = JSON.parse(restic(rig, 'cat', 'config').toString()).id;
      renameSync(place, away);
      await rig.initRepository();
      storeByHand(rig, tagsOf(rig, 'run_of_that_one'));
      await reconcile(rig);
      assert.deepEqual([listReports(rig), findState(rig, made)], [[], 'vouched']);
      rmSync(place, { recursive: true });
      restic(rig, 'init');
      repository.pinnedId = JSON.parse(restic(rig, 'cat', 'config').toString()).id;
      await reconcile(rig);
      assert.deepEqual([listReports(rig).map(({ missing }) => missing), findState(rig, made)], [[[made]], 'missing']);
    });

    it('changes nothing while the repository cannot be read', async (t) => {
      const { rig, made } = await openRepository(t, binary);
      const warned: string[] = [];
      const log = { ...rig.workbench.log, warn: (_fields: object, message: string) => void warned.push(message) };
      const look = () => reconcileRepository({ ...rig.workbench, log }, rig.spec, rig.repository.id, NOTHING_ACTIVE);
      const [place, away] = [join(rig.dir, 'repository'), join(rig.dir, 'away')];
      renameSync(place, away);
      await look();
      renameSync(away, place);
      const [repository] = rig.spec.repositories;
      assert.ok(repository);
      const { secrets } = repository;
      repository.secrets = rig.seal('repository', repository.id, { password: 'another' });
      await look();
      assert.deepEqual(warned, Array(2).fill('the repository could not be compared with the ledger'));
      assert.equal(findState(rig, made), 'vouched');
      repository.secrets = secrets;
      await look();
      assert.deepEqual([listReports(rig), warned.length], [[], 2]);
      assert.deepEqual(readdirSync(rig.tooling.workDirs.root), []);
    });
  });
}

describe('Comparing a real repository while a run goes on', () => {
  it('waits with what that run stored, and tells of it when nobody vouched for it in the end', async (t) => {
    const { rig } = await openRepository(t, newest);
    const early = storeByHand(rig, tagsOf(rig, 'run_under_way'));
    await reconcile(rig, new Set(['run_under_way']));
    assert.deepEqual(listReports(rig), []);
    await reconcile(rig);
    assert.deepEqual(
      listReports(rig).map(({ orphans }) => orphans),
      [[early]],
    );
  });
});
