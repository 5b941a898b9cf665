import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { DEFAULT_TENANT } from '@holdfast/shared/domain/ids.ts';
import Database from 'better-sqlite3';
import { checkPasswordLink } from '../core/accounts/people.ts';
import { findAuditFault } from '../core/audit-chain.ts';
import { EXIT } from './exit.ts';
import { type CliWorld, openCliWorld } from './fixtures/cli-world.ts';

let world: CliWorld;
before(async () => {
  world = await openCliWorld();
});
after(() => world.close());

const tokenIn = (text: string) => /\/password\?token=(hfp_[A-Za-z0-9_-]{43})\n/.exec(text)?.[1] ?? assert.fail(text);
const check = async (token: string) => (await checkPasswordLink(world.served.context, token)).name;

describe('The command of the audit', () => {
  it('says whether its chain is whole, and fails where it is not', async () => {
    const whole = await world.run(['audit', 'verify']);
    assert.deepEqual([whole.code, /^whole, \d+ entries\n$/.test(whole.out)], [EXIT.done, true]);
    const db = new Database(world.served.databasePath);
    db.exec("DROP TRIGGER audit_unchanged; UPDATE audit SET actor_name = 'nobody' WHERE no = 2");
    db.close();
    const broken = await world.run(['audit', 'verify']);
    assert.deepEqual([broken.code, broken.out], [EXIT.failed, 'broken at entry 2: it was changed after it was written\n']);
    assert.ok(world.served.lines.some(({ msg }) => String(msg).startsWith('the audit is broken')));
    const fault = await findAuditFault(world.served.context, DEFAULT_TENANT);
    assert.equal(fault, 'it is broken at entry 2: it was changed after it was written', 'an alert says it as well');
    assert.equal((await world.run(['audit', 'list', '--since', '1h', '--json'])).code, EXIT.done);
    const csv = await world.run(['audit', 'list', '--csv', '--limit', 'all']);
    const { rows } = await world.served.context.store.trail.listAudit(DEFAULT_TENANT, {}, { limit: 200 });
    assert.equal(csv.code, EXIT.done, csv.error);
    const [head, ...lines] = csv.out.split('\r\n');
    assert.match(head ?? '', /^no,at,actor kind,actor id,actor,action,.*,hash$/u);
    assert.deepEqual(
      lines.map((line) => line.split(',')[0]),
      [...rows.map(({ no }) => String(no)), ''],
    );
  });
});

describe('The commands of people', () => {
  it('make somebody with a link that is printed once, and a newer one that ends it', async () => {
    const made = await world.run(['users', 'create', 'grace', '--role', 'viewer']);
    assert.equal(made.code, EXIT.done, made.error);
    const first = tokenIn(made.out);
    assert.match(made.error, /it works once, until 2026-/);
    assert.equal(await check(first), 'grace');
    const link = await world.run(['users', 'link', 'grace', '--json']);
    const { url } = link.json<{ url: string }>();
    assert.equal(await check(tokenIn(`${url}\n`)), 'grace');
    await assert.rejects(check(first), { code: 'conflict' });
    assert.ok(!(await world.run(['users', 'list', '--json'])).out.includes('hfp_'));
    assert.match((await world.run(['users', 'list'])).out, /\nuser_\S+ +grace +viewer +waiting +\S/);
  });

  it('change what somebody may do, and say why they do not', async () => {
    assert.equal((await world.run(['users', 'role', 'grace', 'operator'])).out, 'grace is operator from now on\n');
    assert.equal((await world.run(['users', 'disable', 'grace'])).out, 'grace may not sign in any more\n');
    assert.match((await world.run(['users', 'show', 'grace'])).out, /disabled/);
    const refused = await world.run(['users', 'link', 'grace']);
    assert.equal(refused.code, EXIT.failed);
    assert.match(refused.error, /grace is disabled; enable them first/);
    assert.equal((await world.run(['users', 'enable', 'grace'])).out, 'grace may sign in again\n');
    assert.equal((await world.run(['users', 'role', 'grace', 'king'])).code, EXIT.failed);
    assert.equal((await world.run(['users', 'list'], { role: 'operator' })).code, EXIT.failed);
    assert.match((await world.run(['users', 'disable', 'nobody'])).error, /there is no person called nobody/);
  });
});
