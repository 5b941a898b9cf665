import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { MAINTENANCE } from '@holdfast/shared/limits.ts';
import { assertInert, readWords } from '../fixtures/inert.ts';
import { addRepository, MARKUP_NAME } from '../fixtures/setup-fleet.ts';
import { createCaller, createWorld, type World } from '../fixtures/world.ts';
import { RECOVERY_KEY_SCREENS } from './recovery-key.ts';
import { REPOSITORY_PAGE_SCREENS } from './repository-page.ts';
import { REPOSITORY_PASSWORD_SCREENS } from './repository-password.ts';

const PATH = '/repositories/recovery-key';

describe('The recovery key', () => {
  let world: World;
  let id: string;
  before(async () => {
    world = await createWorld([...RECOVERY_KEY_SCREENS, ...REPOSITORY_PASSWORD_SCREENS, ...REPOSITORY_PAGE_SCREENS]);
    const { cipher } = world.context;
    const made = await addRepository(world, { name: MARKUP_NAME, passwordProof: undefined });
    const password = cipher.encryptField(
      { tenant: made.tenant, table: 'repositories', row: made.id, field: 'password' },
      'otters',
    );
    await world.context.store.repositories.updateRepository({ ...made, secrets: { password }, version: 2 }, 1);
    id = made.id;
  });
  after(() => world.close());

  const post = async (path: string, form: Record<string, string> = {}) => {
    const reply = await world.ask('post', `${PATH}${path}`, { form });
    assert.notEqual(reply.kind, 'download');
    return reply.kind === 'page' ? { status: reply.status, markup: reply.html.toString() } : { status: 303, markup: '' };
  };

  it('is offered where there is none: by the recovery sheet, and on a page with the way to make one', async () => {
    assert.ok((await world.read('/repositories/recovery-sheet')).includes(`href="${PATH}"`));
    const markup = await world.read(PATH);
    assert.match(readWords(markup), /There is no recovery key\. .* age-keygen -o recovery-key\.txt/);
    const seen = await world.read(PATH, { role: 'operator' });
    assert.ok(!seen.includes('name="recipient"'));
    await assert.rejects(world.ask('post', PATH, { role: 'operator', form: { recipient: 'age1' } }), { code: 'forbidden' });
  });

  it('is not taken where it is none, and a secret half that was typed does not come back', async () => {
    const { identity, recipient } = world.context.recovery.makeKey();
    const secret = await post('', { recipient: identity });
    assert.equal(secret.status, 422);
    assert.match(readWords(secret.markup), /this is the secret half, which must stay with you/);
    assert.ok(!secret.markup.includes(identity));
    const wrong = await post('', { recipient: recipient.slice(0, -1) });
    assert.match(readWords(wrong.markup), /must be an X25519 recipient of age/);
    assert.ok(wrong.markup.includes(`value="${recipient.slice(0, -1)}"`));
  });

  it('is set, proven by a code that comes back, and its kit is a file', async () => {
    const { recipient } = world.context.recovery.makeKey();
    assert.equal((await post('', { recipient })).status, 303);
    const markup = await world.read(PATH);
    assert.match(readWords(markup), /Nobody has shown yet that they have the recovery key\..*never proven.*1 of 1 repository/);
    assertInert(markup);
    const asked = await post('/code');
    assert.match(asked.markup, /-----BEGIN AGE ENCRYPTED FILE-----/);
    const sealed = 'the very text that was shown';
    const wrong = await post('/proof', { code: 'AAAAA-BBBBB', sealed });
    assert.equal(wrong.status, 422);
    assert.match(readWords(wrong.markup), /it is not the one that was sealed; type all six groups/);
    assert.ok(wrong.markup.includes(sealed), 'the code can be tried again');
    const kit = await world.ask('get', `${PATH}/kit`);
    assert.ok(kit.kind === 'download' && typeof kit.body === 'string');
    assert.match(kit.fileName, /^recovery-kit-\d{4}-\d\d-\d\d\.age$/);
    assert.ok(kit.body.startsWith('-----BEGIN AGE ENCRYPTED FILE-----\n'));
    await assert.rejects(world.ask('get', `${PATH}/kit`, { role: 'operator' }), { code: 'forbidden' });
  });

  it('that is proven says so here, on the page of each repository and on the sheet, for a quarter', async () => {
    const { store } = world.context;
    const { tenant } = createCaller();
    const key = await store.recovery.findRecoveryKey(tenant);
    assert.ok(key);
    await store.recovery.proveRecoveryKey(tenant, key.recipient, { at: world.clock.now(), by: 'ada' });
    assert.match(readWords(await world.read(PATH)), /The recovery key opens the only repository\./);
    assert.match(
      readWords(await world.read(`/repositories/${id}`)),
      /proven now by ada, with the recovery key .*Sealed to the recovery key/,
    );
    assert.match(readWords(await world.read('/repositories/recovery-sheet')), /with the recovery key .*Sealed copy/);
    world.clock.advance(MAINTENANCE.passwordProvenMs + 1);
    assert.match(readWords(await world.read(PATH)), /more than a quarter since somebody showed/);
  });

  it('is replaced with a tick, and removed by its name', async () => {
    const { store } = world.context;
    const { tenant } = createCaller();
    const before = (await store.recovery.findRecoveryKey(tenant))?.recipient ?? '';
    const { recipient } = world.context.recovery.makeKey();
    const unticked = await post('', { recipient, replaces: before });
    assert.match(readWords(unticked.markup), /has to be ticked before the key is replaced/);
    const stale = await post('', { recipient, replaces: 'age1other', understood: 'true' });
    assert.match(readWords(stale.markup), /another recovery key is there by now/);
    assert.equal((await post('', { recipient, replaces: before, understood: 'true' })).status, 303);
    assert.equal((await store.recovery.findRecoveryKey(tenant))?.recipient, recipient);
    assert.match(readWords((await post('/remove', { recipient, confirm: 'yes' })).markup), /Nothing was removed/);
    assert.equal((await post('/remove', { recipient, confirm: 'recovery key' })).status, 303);
    assert.equal(await store.recovery.findRecoveryKey(tenant), undefined);
    assert.match(readWords((await post('/code')).markup), /there is no recovery key; set one first/);
  });
});
