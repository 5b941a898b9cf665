import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { findCallerBySession, login } from '../../../core/accounts/accounts.ts';
import { listPeople, redeemPasswordLink } from '../../../core/accounts/people.ts';
import { createCaller, createWorld, type World } from '../fixtures/world.ts';
import { PEOPLE_SCREENS } from './people.ts';

const PASSWORD = 'seven otters juggle lamps';
const FROM = { address: '192.0.2.7', agent: 'test' };

let world: World;
before(async () => {
  world = await createWorld(PEOPLE_SCREENS);
});
after(() => world.close());

const tokenIn = (page: string) => /https:\/\/backup\.example\.test\/password\?token=(hfp_[A-Za-z0-9_-]{43})/u.exec(page)?.[1];
const add = (name: string, role: string) => world.read('/settings/people', { form: { name, role } });
const choose = (token = '') => redeemPasswordLink(world.context, () => undefined, { token, password: PASSWORD }, FROM);
const idOf = async (name: string) =>
  (await listPeople(world.context, createCaller(), { search: name }))[0]?.user.id ?? assert.fail(name);
const act = async (name: string, verb: string, form = {}) =>
  world.ask('post', `/settings/people/${await idOf(name)}/${verb}`, { form });

describe('The page of people', () => {
  it('is for administrators alone, and says why', async () => {
    const refused = { code: 'forbidden', message: /needs the permission people.manage/ };
    await assert.rejects(world.ask('get', '/settings/people', { role: 'operator' }), refused);
    await assert.rejects(
      add('x', 'nothing').then(() => world.ask('post', '/settings/people', { role: 'viewer' })),
      refused,
    );
    assert.match(await world.read('/settings/people'), /There is nobody yet\./);
  });

  it('makes a person with a link that is shown once, and keeps what was typed where something is wrong', async () => {
    const made = await add('Ada <b>', 'admin');
    const token = tokenIn(made);
    assert.match(made, /An address for Ada &lt;b&gt;/);
    assert.match(made, /shown this once/);
    const page = await world.read('/settings/people');
    assert.equal(tokenIn(page), undefined);
    assert.match(page, /0.people may sign in, 0 as administrators, 1 has chosen no password yet\./);
    assert.match(page, /no password yet/);
    await choose(token);
    assert.match(
      await world.read('/settings/people'),
      /1.person may sign in, 1 as administrator\..*Only one administrator can sign in/s,
    );

    const again = await add('ada <b>', 'operator');
    assert.match(again, /value="ada &lt;b&gt;"/);
    assert.match(again, /<option +value="operator" selected/);
    assert.match(await add('bob', 'king'), /choose one of these/);
  });

  it('finds people by part of their name, and shows a way back from nobody', async () => {
    await add('Øystein', 'viewer');
    const rows = (page: string) => [...page.matchAll(/data-row/g)].length;
    assert.equal(rows(await world.read('/settings/people?search=ØYST', { part: 'people' })), 1);
    assert.match(await world.read('/settings/people?search=nobody'), /Nobody is called that\..*Show everybody/s);
  });

  it('is kept up to date at its own address while it is open', async () => {
    assert.match(
      await world.read('/settings/people?search=a'),
      /id="people" data-live="people"[^>]*\/settings\/people\?search=a/,
    );
    const told: string[] = [];
    const stop = world.context.bus.subscribe(createCaller().tenant, (event) => void told.push(event.topic));
    await act('Øystein', 'role', { role: 'operator' });
    stop();
    assert.ok(told.includes('people'));
  });

  it('disables with what it ended, and enables again', async () => {
    await choose(tokenIn(await add('carol', 'operator')));
    const { token } = await login(world.context, { name: 'carol', password: PASSWORD }, FROM);
    const disabled = await act('carol', 'disable');
    assert.ok(disabled.kind === 'redirect');
    assert.match(disabled.flash?.text ?? '', /^carol may not sign in any more\. 2.sessions of theirs ended\.$/);
    assert.equal(await findCallerBySession(world.context, token), undefined);
    const refused = await act('carol', 'link');
    assert.ok(refused.kind === 'redirect' && refused.flash?.tone === 'bad');
    const enabled = await act('carol', 'enable');
    assert.ok(enabled.kind === 'redirect');
    assert.equal(enabled.flash?.text, 'carol may sign in again, with the password they had.');
  });

  it('gives a new link to whoever forgot their password', async () => {
    const reply = await act('carol', 'link');
    assert.ok(reply.kind === 'page');
    const issued = await choose(tokenIn(reply.html.toString()));
    assert.equal(issued.user.name, 'carol');
    const again = await world.ask('get', `/settings/people/${await idOf('carol')}/link`);
    assert.ok(again.kind === 'redirect' && again.to === '/settings/people');
  });

  it('says why the last administrator stays', async () => {
    for (const [verb, form] of [
      ['disable', {}],
      ['role', { role: 'viewer' }],
    ] as const) {
      const reply = await act('Ada', verb, form);
      assert.ok(reply.kind === 'redirect' && reply.flash?.tone === 'bad');
      assert.match(reply.flash.text, /^Nothing was changed: Ada <b> is the only administrator who can sign in/);
    }
  });
});
