import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ROLES } from '../../store/people.ts';
import { demandScope, isAllowed, listScopes, PERMISSIONS, type Permission } from '../caller.ts';
import { completeScopes, findRole, ROLE_SCOPES, SCOPES, type Scope } from './scopes.ts';

const ACTOR = { actor: { kind: 'api_key' as const, id: 'key_1', name: 'ci' }, tenant: 'ten_1' as never };
const listAllowed = (scopes: readonly Scope[]): readonly Permission[] =>
  PERMISSIONS.filter((permission) => isAllowed({ ...ACTOR, role: findRole(scopes), scopes }, permission));

describe('Scopes', () => {
  it('always hold reading, once each and in their order', () => {
    assert.deepEqual(completeScopes([]), ['read']);
    assert.deepEqual(completeScopes(['admin', 'operate', 'admin']), ['read', 'operate', 'admin']);
  });

  it('belong to the least role that may do all of it', () => {
    for (const role of ROLES) assert.equal(findRole(ROLE_SCOPES[role]), role);
    for (const scope of ['operate', 'configure', 'restore'] as const) assert.equal(findRole(['read', scope]), 'operator');
  });

  it('share the permissions out, each to one of them', () => {
    const shares = SCOPES.map((scope) => listAllowed([scope]));
    assert.deepEqual(shares.flat().sort(), [...PERMISSIONS].sort());
    assert.deepEqual(shares.slice(0, 4), [
      ['view'],
      ['alert.handle', 'run.start'],
      ['source.manage', 'repository.manage', 'plan.manage'],
      ['restore.start'],
    ]);
  });

  it('leave each role what it may do', () => {
    const listOf = (role: (typeof ROLES)[number]) =>
      PERMISSIONS.filter((permission) => isAllowed({ ...ACTOR, role }, permission));
    assert.deepEqual(listOf('viewer'), ['view']);
    assert.deepEqual(
      [...listOf('operator')].sort(),
      ['view', 'run.start', 'restore.start', 'alert.handle', 'source.manage', 'repository.manage', 'plan.manage'].sort(),
    );
    assert.deepEqual(listOf('admin'), PERMISSIONS);
  });

  it('of a key count, not those of its role; a refusal says which lacks', () => {
    const caller = { ...ACTOR, role: 'operator' as const, scopes: ['read', 'restore'] as const };
    assert.deepEqual(listScopes(caller), ['read', 'restore']);
    demandScope(caller, 'restore');
    assert.throws(() => demandScope(caller, 'operate'), {
      code: 'forbidden',
      message: 'this API key may not do this: it has the scopes read, restore and lacks operate',
      details: { scope: 'operate' },
    });
    assert.throws(
      () => demandScope({ ...ACTOR, role: 'viewer' }, 'operate'),
      /your role "viewer" may not do this.*scope operate/,
    );
  });
});
