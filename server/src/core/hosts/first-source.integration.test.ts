import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { HostId } from '@holdfast/shared/domain/ids.ts';
import { openCatalogRig } from '../fixtures/catalog-rig.ts';
import { makeMachine } from '../fixtures/machine.ts';
import { createPlan, deletePlan, getPlan } from '../plans/plans.ts';
import { listSources } from '../sources/sources.ts';
import { createEnrolmentToken, type NewEnrolmentToken } from './enrolment.ts';

async function open(t: TestContext) {
  const rig = await openCatalogRig(t);
  const { context, admin } = rig;
  const remote = await rig.addRepository('far', 'rest');
  const plan = await createPlan(context, admin, { name: 'everywhere', repository: remote.id, sources: [rig.files.id] });
  const makeToken = (wanted: Partial<NewEnrolmentToken> = {}) =>
    createEnrolmentToken(context, admin, {
      note: '',
      tags: [],
      uses: 4,
      lifeMs: 60_000,
      paths: ['/etc', '/srv'],
      plan: plan.id,
      ...wanted,
    });
  const enter = async (name: string, token: string): Promise<HostId> => {
    const machine = makeMachine(rig, name);
    const announced = await machine.announce(token);
    const reply = await machine.claim(announced, announced.nonce);
    assert.ok(reply.state === 'approved');
    return reply.host;
  };
  return { ...rig, plan, makeToken, enter };
}

describe('A host that joins with an enrolment token', () => {
  it('has its first source in the plan of the token, and so has each that comes at the same moment', async (t) => {
    const { context, admin, plan, files, makeToken, enter } = await open(t);
    const { token } = await makeToken();
    const hosts = await Promise.all(['web-1', 'web-2', 'web-3', 'web-4'].map((name) => enter(name, token)));
    const { rows } = await listSources(context, admin, {}, { limit: 50 });
    const made = hosts.map((host) => rows.filter((source) => source.host === host));
    for (const sources of made) {
      assert.deepEqual(
        sources.map(({ name, kind, config }) => [name, kind, config['paths']]),
        [['Files', 'files', ['/etc', '/srv']]],
      );
    }
    assert.deepEqual(
      [...(await getPlan(context, admin, plan.id)).sources].sort(),
      [files.id, ...made.flat().map(({ id }) => id)].sort(),
    );
  });

  it('is turned away when the token is for another name, which costs no use', async (t) => {
    const { context, admin, makeToken, enter, ...rig } = await open(t);
    const { token } = await makeToken({ hostname: 'db-7', uses: 1 });
    await assert.rejects(makeMachine({ ...rig, context, admin }, 'db-8').announce(token), {
      code: 'unauthenticated',
      message: /calls itself db-7/,
    });
    await enter('db-7', token);
  });

  it('joins although its plan has gone meanwhile; the source waits for another and the audit says why', async (t) => {
    const { context, admin, plan, makeToken, enter } = await open(t);
    const { token } = await makeToken();
    await deletePlan(context, admin, plan.id);
    const host = await enter('web-1', token);
    const { rows } = await listSources(context, admin, { host }, { limit: 50 });
    assert.equal(rows.length, 1);
    const { rows: acts } = await context.store.trail.listAudit(
      admin.tenant,
      { action: 'host.first_source_refused' },
      { limit: 5 },
    );
    assert.deepEqual(
      acts.map(({ target, change }) => [target?.id, (change as { code: string }).code]),
      [[host, 'not_found']],
    );
  });
});

describe('What a token would bring is looked at when it is made', () => {
  const refusals: readonly [string, Partial<NewEnrolmentToken>, string][] = [
    ['a path that is not absolute', { paths: ['srv'] }, 'field.paths'],
    ['a plan without paths', { paths: [] }, 'field.paths'],
  ];
  for (const [what, wanted, field] of refusals)
    it(`refuses ${what}`, async (t) => {
      const { makeToken } = await open(t);
      await assert.rejects(makeToken(wanted), (error: { code?: string; details?: object }) => {
        assert.deepEqual(
          [error.code, Object.keys(error.details ?? {}).includes(field) || JSON.stringify(error.details)],
          ['invalid', true],
        );
        return true;
      });
    });
  it('refuses a plan that keeps to a folder of one host', async (t) => {
    const rig = await openCatalogRig(t);
    const wanted = { note: '', tags: [], uses: 1, lifeMs: 1000, paths: ['/etc'], plan: rig.plan.id };
    await assert.rejects(createEnrolmentToken(rig.context, rig.admin, wanted), { code: 'invalid' });
  });
});
