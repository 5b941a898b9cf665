import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { brotliDecompressSync } from 'node:zlib';
import { DEFAULT_TENANT } from '@holdfast/shared/domain/ids.ts';
import type { Request } from 'express';
import type { Caller } from '../../core/caller.ts';
import { html } from '../html.ts';
import { createLiveLooks, type LookedPage, nameLook, readLook, toAnybody } from './live-looks.ts';
import type { PageReply, Visit } from './route.ts';
import { createTurns } from './turns.ts';

const ADA: Caller = {
  actor: { kind: 'user', id: 'user_1', name: 'ada' },
  tenant: DEFAULT_TENANT,
  role: 'operator',
  address: '192.0.2.1',
  requestId: 'request-1',
};
const visit = (of: Partial<Visit>) =>
  ({ caller: ADA, here: '/runs', fragmentTargets: ['runs-table'], frame: { zone: 'UTC' }, ...of }) as Visit;
const page = (text: string): PageReply => ({ kind: 'page', html: html`<p>${text}</p>` });
const textOf = (look: { kind: string }) => (look as LookedPage).body.toString('utf8');

describe('What pages look up by themselves', () => {
  it('is made once for all who ask before it is begun, and anew for who asks after', async () => {
    const looks = createLiveLooks(createTurns());
    let made = 0;
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    const make = async () => {
      made += 1;
      const text = `made ${made}`;
      if (made === 1) await released;
      return page(text);
    };
    const first = [looks.take('a', make), looks.take('a', make), looks.take('a', make)];
    const other = looks.take('b', async () => page('other'));
    assert.equal(made, 0, 'it is begun in a later turn of the event loop');
    assert.equal(textOf(await other), '<p>other</p>');
    assert.equal(made, 1);
    const late = looks.take('a', make);
    assert.equal(textOf(await late), '<p>made 2</p>', 'it does not wait for the one that goes on');
    release();
    assert.deepEqual((await Promise.all(first)).map(textOf), ['<p>made 1</p>', '<p>made 1</p>', '<p>made 1</p>']);
  });

  it('fails for all who wait for it, and for nobody after', async () => {
    const looks = createLiveLooks(createTurns());
    const fail = () => Promise.reject(new Error('no such run'));
    const both = await Promise.allSettled([looks.take('a', fail), looks.take('a', fail)]);
    assert.deepEqual(
      both.map(({ status }) => status),
      ['rejected', 'rejected'],
    );
    assert.equal(textOf(await looks.take('a', async () => page('again'))), '<p>again</p>');
  });

  it('has a tag that tells it from any other, and is packed once for all who take an encoding', async () => {
    const looks = createLiveLooks(createTurns());
    const long = 'x'.repeat(5000);
    const [one, same, other] = (await Promise.all(
      [long, long, `${long}y`].map((text, index) => looks.take(String(index), async () => page(text))),
    )) as LookedPage[];
    assert.ok(one && same && other);
    assert.equal(one.tag, same.tag);
    assert.notEqual(one.tag, other.tag);
    assert.match(one.tag, /^W\/"[A-Za-z0-9_-]{22}"$/);
    assert.equal(one.pack('br'), one.pack('br'));
    assert.equal(brotliDecompressSync((await one.pack('br')).body).toString('utf8'), `<p>${long}</p>`);
    assert.equal((await one.pack(undefined)).body, one.body);
  });

  it('is shared by people of the same rights, who read times alike, and by nobody else', () => {
    const mine = nameLook(visit({}));
    const grace: Caller = { ...ADA, actor: { kind: 'user', id: 'user_2', name: 'grace' }, address: '192.0.2.2' };
    assert.equal(nameLook(visit({ caller: toAnybody(grace) })), nameLook(visit({ caller: toAnybody(ADA) })));
    for (const of of [
      { caller: { ...ADA, role: 'admin' } },
      { caller: { ...ADA, tenant: 'tenant_2' } },
      { caller: { ...ADA, scopes: ['read'] } },
      { here: '/runs?state=failed' },
      { fragmentTargets: ['runs-table', 'runs-answer'] },
      { frame: { zone: 'Europe/Berlin' } },
    ] as Partial<Visit>[])
      assert.notEqual(nameLook(visit(of)), mine, JSON.stringify(of));
  });

  it('is made for nobody in particular', () => {
    const { actor, ...rest } = toAnybody(ADA);
    assert.deepEqual(rest, { tenant: DEFAULT_TENANT, role: 'operator' });
    assert.ok(!JSON.stringify(actor).includes('ada'));
  });

  it('names its elements in a header of its own, and nothing that is no id', () => {
    const read = (said: string | undefined, method = 'GET') => readLook({ method, get: () => said } as unknown as Request);
    assert.deepEqual(read('runs-table runs-answer runs-table'), ['runs-table', 'runs-answer']);
    assert.equal(read('runs-table', 'POST'), undefined);
    for (const said of [undefined, '', 'a  b', '"><b>', 'a,b', Array.from({ length: 41 }, (_, n) => `a${n}`).join(' ')])
      assert.equal(read(said), undefined, String(said));
  });
});
