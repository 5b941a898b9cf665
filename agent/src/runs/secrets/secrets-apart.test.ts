import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PlanId, RepositoryId, RunId, SourceId } from '@holdfast/shared/domain/ids.ts';
import { DEFAULT_PLAN_OPTIONS, type Spec } from '@holdfast/shared/domain/plan.ts';
import type { JournaledRun } from '../../journal/run-journal.ts';
import type { Job } from '../queue/queue.ts';
import type { SecretName } from './secret-holder.ts';
import { createSecretHold, listMissing, setSecretsAside } from './secrets-apart.ts';

const SOURCE = 'src_1' as SourceId;
const PLAIN = 'src_plain' as SourceId;
const REPOSITORY = 'repo_1' as RepositoryId;
const PLAN = 'plan_1' as PlanId;
const RUN = 'run_1' as RunId;
const MINUTE = 60_000;

const SPEC = {
  sources: [{ id: SOURCE, secretsApart: true }, { id: PLAIN }],
  repositories: [{ id: REPOSITORY, secretsApart: true }],
  plans: [{ id: PLAN, options: { ...DEFAULT_PLAN_OPTIONS, graceMinutes: 10 } }],
} as unknown as Spec;

const job = (wishes: Partial<Job> = {}) =>
  ({ run: RUN, kind: 'backup', repository: REPOSITORY, sources: [SOURCE], ...wishes }) as Job;
const holding = (...refs: string[]) => ({ isHeld: ({ ref }: SecretName) => refs.includes(ref) });

describe('What a run needs of a host that keeps no secrets', () => {
  it('is what its sources and its repository have apart from the spec, as long as nobody has brought it', () => {
    const list = (sources: readonly SourceId[], ...held: string[]) =>
      listMissing(SPEC, { repository: REPOSITORY, sources }, holding(...held)).map(({ purpose, ref }) => `${purpose} ${ref}`);
    assert.deepEqual(list([SOURCE, PLAIN]), ['source src_1', 'repository repo_1']);
    assert.deepEqual(list([SOURCE], REPOSITORY), ['source src_1']);
    assert.deepEqual(list([PLAIN], REPOSITORY), []);
    assert.deepEqual(list([SOURCE], SOURCE, REPOSITORY), []);
  });

  it('is the repository’s alone where no source is read, and nothing without a spec', () => {
    const used = { repository: REPOSITORY, sources: [] };
    assert.deepEqual(
      listMissing(SPEC, used, holding()).map(({ ref }) => ref),
      [REPOSITORY],
    );
    assert.deepEqual(listMissing(undefined, used, holding()), []);
  });
});

describe('The password of a user who was given for one restore', () => {
  const credential = { box: 'box', signature: 'signature' };
  const order = {
    run: RUN,
    repository: { id: REPOSITORY, draft: { kind: 'local', config: {}, secrets: credential } },
    connection: { kind: 'postgres', config: {}, secrets: credential },
    options: { connectAs: 'postgres' },
    credential,
  } as unknown as Parameters<typeof setSecretsAside>[1];

  it('is held in memory and left out of what is written down, also on a host that keeps its own secrets', () => {
    for (const keepsNone of [false, true]) {
      const held: string[] = [];
      const holder = { keepsNone, holdFor: (run: RunId, ref: string) => void held.push(`${run} ${ref}`) };
      const kept = setSecretsAside(holder, order);
      assert.equal(kept.credential, undefined);
      assert.deepEqual(kept.options, { connectAs: 'postgres' });
      assert.equal(kept.connection?.secrets === undefined, keepsNone);
      const others = keepsNone ? [`${RUN} ${RUN}.repositories`, `${RUN} ${RUN}.sources`] : [];
      assert.deepEqual(held.toSorted(), [`${RUN} ${RUN}.credential`, ...others].toSorted());
      assert.deepEqual(setSecretsAside(holder, kept), kept, 'harmless to repeat');
    }
  });
});

describe('A backup without its secrets', () => {
  const setUp = (run: Partial<JournaledRun> | undefined, ...held: string[]) => {
    const clock = { now: () => 100 * MINUTE };
    const found = run && ({ plan: PLAN, openedAt: 95 * MINUTE, ...run } as JournaledRun);
    return createSecretHold({ clock, holder: holding(...held), spec: () => SPEC, findRun: () => found });
  };

  it('waits, with words for its log, and begins once they are there', () => {
    const hold = setUp({})(job());
    assert.equal(hold?.reason, 'secrets');
    assert.match(hold?.message ?? '', /keeps no secrets and waits for the server/);
    assert.equal(setUp({}, SOURCE, REPOSITORY)(job()), undefined);
    assert.equal(setUp(undefined)(job())?.reason, 'secrets', 'also when the disk did not take its record');
  });

  it('is let go after its plan’s grace, counted from its fire or else from its order', () => {
    assert.ok(setUp({ fireAt: 91 * MINUTE })(job()));
    assert.equal(setUp({ fireAt: 90 * MINUTE })(job()), undefined);
    assert.equal(setUp({ openedAt: 90 * MINUTE })(job()), undefined);
    assert.ok(setUp({ openedAt: 0, plan: 'plan_gone' as PlanId })(job()), 'a plan that is gone has the usual grace');
  });

  it('goes on where every source only stands aside for an earlier run', () => {
    assert.equal(setUp({})(job({ sources: [] })), undefined);
  });

  it('is like a run that removes snapshots, which needs the repository', () => {
    assert.ok(setUp({})(job({ kind: 'forget', sources: [] })));
    assert.equal(setUp({}, REPOSITORY)(job({ kind: 'forget', sources: [] })), undefined);
  });

  it('is no matter of restores: their secrets come with the order', () => {
    assert.equal(setUp({})(job({ kind: 'restore', sources: [] })), undefined);
    assert.equal(setUp({})(job({ kind: 'restore' })), undefined);
  });
});
