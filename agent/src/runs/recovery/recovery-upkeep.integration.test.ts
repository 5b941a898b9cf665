import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { RunId } from '@holdfast/shared/domain/ids.ts';
import { openRunRig, type RunRig } from '../fixtures/run-rig.ts';
import { type JournaledDrill, journaledRunSchema } from '../journaled-run.ts';
import { recoverRuns } from './recovery.ts';

const FRAMES = join(import.meta.dirname, '../../../../shared/src/protocol/fixtures/v1');
const KINDS = ['check', 'prune', 'drill', 'verify', 'delete_snapshot', 'copy'] as const;
type Kind = (typeof KINDS)[number];
const readOrder = (kind: Kind) =>
  JSON.parse(readFileSync(join(FRAMES, `server-${kind.replace('_', '-')}-start.json`), 'utf8')).body;

/** A run of this kind that had begun when its agent was killed. */
function leaveRun(rig: RunRig, kind: Kind, server?: Pick<JournaledDrill['order'], 'server'>): RunId {
  const run = rig.workbench.createId('run');
  const order = { ...readOrder(kind), ...server, run };
  const { snapshots, from } = order;
  const both = kind === 'copy' ? { snapshots, from: from.id } : {};
  const scratch = server && { scratch: `holdfast_drill_${run}` };
  const body = { kind, order, ...both, ...scratch, repository: rig.repository.id, started: true };
  journaledRunSchema.parse(body);
  rig.workbench.journal.runs.record({ run, kind, body });
  return run;
}

const listEnds = (rig: RunRig, run: RunId) =>
  rig
    .listEvents(run)
    .flatMap((event) => (event.type === 'run.finished' ? [[event.state, event.failure?.reason, event.evidence.length]] : []));

/** The rig's workbench with what it warns of and what it calls an error. */
function listen(rig: RunRig, ground: Partial<RunRig['workbench']['drillGround']> = {}) {
  const said: string[] = [];
  const note = (_fields: object, text: string) => void said.push(text);
  const { workbench } = rig;
  const log = { ...workbench.log, warn: note, error: note };
  return { said, workbench: { ...workbench, log, drillGround: { ...workbench.drillGround, ...ground } } };
}

describe('After a crash', () => {
  for (const kind of KINDS)
    it(`a ${kind} that was under way ends as interrupted, once, and its repository is looked into`, async (t) => {
      const rig = await openRunRig(t);
      const run = leaveRun(rig, kind);
      const { interrupted, repositories } = await recoverRuns(rig.workbench, rig.executor, rig.spec);
      const looked = kind === 'copy' ? [rig.repository.id, readOrder(kind).from.id] : [rig.repository.id];
      assert.deepEqual([interrupted, [...repositories]], [1, looked]);
      assert.deepEqual(listEnds(rig, run), [['failed', 'interrupted', 0]]);
      assert.equal((await recoverRuns(rig.workbench, rig.executor, rig.spec)).interrupted, 0);
      assert.equal(listEnds(rig, run).length, 1);
    });

  it('the database of a drill is still owed where its server does not answer, and the drill ends all the same', async (t) => {
    const rig = await openRunRig(t);
    const config = { host: '127.0.0.1', port: 1, user: 'drilled', database: 'shop', roles: 'none' };
    const run = leaveRun(rig, 'drill', { server: { kind: 'postgres', config } });
    const { workbench, said } = listen(rig);
    const timers: number[] = [];
    const setTimer = (ms: number) => {
      timers.push(ms);
      return () => undefined;
    };
    await recoverRuns({ ...workbench, setTimer }, rig.executor, rig.spec);
    assert.deepEqual([listEnds(rig, run), timers], [[['failed', 'interrupted', 0]], [60_000]]);
    assert.ok(
      said.length > 0 && said.every((text) => text.startsWith('the database of a drill is not dropped yet: ')),
      said.join(),
    );
    const owed = workbench.journal.runs.listClosedWith('drill', 'scratch');
    assert.deepEqual(
      owed.map(({ body }) => journaledRunSchema.parse(body)).map((body) => body.kind === 'drill' && body.scratch),
      [`holdfast_drill_${run}`],
    );
  });

  it('what drills had restored is removed and told; nothing is told where nothing was left', async (t) => {
    const rig = await openRunRig(t);
    const { path } = rig.workbench.drillGround.create();
    const { workbench, said } = listen(rig);
    await recoverRuns(workbench, rig.executor, rig.spec);
    assert.equal(existsSync(path), false);
    assert.deepEqual(said, ['removed what interrupted drills had restored']);
    await recoverRuns(workbench, rig.executor, rig.spec);
    assert.equal(said.length, 1);
  });

  it('what drills had restored and cannot be removed keeps no agent from starting', async (t) => {
    const rig = await openRunRig(t);
    const { workbench, said } = listen(rig, { sweep: () => Promise.reject(new Error('EBUSY')) });
    assert.equal((await recoverRuns(workbench, rig.executor, rig.spec)).interrupted, 0);
    assert.deepEqual(said, ['what an interrupted drill restored could not be removed']);
  });

  it('shared memory that a throw-away server left is given back', async (t) => {
    const rig = await openRunRig(t);
    const made = execFileSync('ipcmk', ['--shmem', '64'], { encoding: 'utf8' });
    const id = Number(/(\d+)\s*$/.exec(made)?.[1]);
    const isThere = () =>
      readFileSync('/proc/sysvipc/shm', 'latin1')
        .split('\n')
        .some((line) => Number(line.trim().split(/\s+/)[1]) === id);
    assert.equal(isThere(), true);
    const { workbench } = listen(rig, { listLostSegments: () => [id] });
    await recoverRuns(workbench, rig.executor, rig.spec);
    assert.equal(isThere(), false);
  });
});
