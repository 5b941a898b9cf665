import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Spec } from '@holdfast/shared/domain/plan.ts';
import { checkFit } from './fit-checks.ts';

const PLAN = { enabled: true, sourceIds: ['src_1'], repositoryId: 'repo_1' };
const SOURCE = { id: 'src_1', name: 'letters', kind: 'files', config: { paths: ['/srv/letters'] } };
const REPOSITORY = { id: 'repo_1', name: 'vault', kind: 'local', config: { path: '/srv/vault' } };

function check(change: { plan?: object; source?: object; repository?: object } = {}) {
  const spec = {
    plans: [{ ...PLAN, ...change.plan }],
    sources: [{ ...SOURCE, ...change.source }],
    repositories: [{ ...REPOSITORY, ...change.repository }],
  };
  return checkFit(spec as unknown as Spec).map(({ name, verdict, text }) => [name, verdict, text.split(':')[0]]);
}

it('Doctor finds bad what a plan that is switched on needs and this agent cannot go by: kinds, and configurations', () => {
  assert.deepEqual(check(), []);
  const oracle = { kind: 'oracle' };
  const unknown = (what: string) => [[what, 'bad', 'this agent does not know the kind oracle']];
  assert.deepEqual(check({ source: oracle }), unknown('source letters'));
  assert.deepEqual(check({ repository: oracle }), unknown('repository vault'));
  assert.deepEqual(
    check({ source: { config: { paths: ['/srv'], novelty: 1 } } })
      .flat()
      .slice(0, 2),
    ['source letters', 'bad'],
  );
  const copied = { repositoryId: 'repo_2', copy: { repositoryId: 'repo_1' } };
  assert.deepEqual(check({ plan: copied, repository: oracle }), unknown('repository vault'));
  assert.deepEqual(check({ plan: { enabled: false }, source: oracle, repository: oracle }), []);
  assert.deepEqual(check({ plan: { sourceIds: ['src_2'] }, source: oracle }), [], 'no plan needs it');
});
