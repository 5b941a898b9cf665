import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import * as calendar from '../../../fires/fires.ts';
import { createApiEndpoints } from '../../api/all.ts';
import { CLOSED_DOOR } from '../../api/fixtures/channel-door.ts';
import { createWorld, type World } from '../fixtures/world.ts';
import { createReferenceScreens } from './reference.ts';

const endpoints = createApiEndpoints(calendar, CLOSED_DOOR);
const PAGE_BYTES = 100_000;
const tags = [...new Set(endpoints.map(({ tag }) => tag))];

let world: World;
before(async () => {
  world = await createWorld(createReferenceScreens(endpoints));
});
after(() => world.close());

describe('The reference of the API', () => {
  it('names every end-point of the table once, and leads to it', async () => {
    const index = await world.read('/reference');
    for (const { method, path, tag } of endpoints) {
      const template = path.replace(/:(\w+)/gu, '{$1}');
      assert.ok(index.includes(`>${method.toUpperCase()} ${template}</a>`), `${method} ${path}`);
      assert.ok(index.includes(`href="/reference/${tag}#`), tag);
    }
    const linked = [...index.matchAll(/href="\/reference\/[a-z-]+#(\w+)"/g)].map(([, id]) => id);
    assert.equal(new Set(linked).size, linked.length);
    assert.equal(linked.length, endpoints.length + 1, 'and the stream');
    assert.ok(index.length < PAGE_BYTES);
  });

  it('has a place for each link, with a line to copy that carries no key', async () => {
    const index = await world.read('/reference');
    for (const tag of tags) {
      const chapter = await world.read(`/reference/${tag}`);
      for (const [, id] of index.matchAll(new RegExp(`href="/reference/${tag}#(\\w+)"`, 'g')))
        assert.ok(chapter.includes(`id="${id}"`), `${tag} has ${id}`);
      assert.match(chapter, /curl --header @holdfast\.header/);
      assert.doesNotMatch(chapter, /Bearer|hfk_/);
      assert.ok(chapter.length < PAGE_BYTES, tag);
    }
  });

  it('writes a body that can be sent, and the address of this server', async () => {
    const chapter = await world.read('/reference/plans');
    const line =
      '--json &#39;{&quot;name&quot;:&quot;…&quot;,&quot;repository&quot;:&quot;repo_…&quot;,&quot;sources&quot;:[&quot;src_…&quot;]}&#39;';
    assert.ok(chapter.includes(`curl --header @holdfast.header ${line} https://backup.example.test/api/v1/plans`));
    assert.ok(chapter.includes('--request PATCH --json &#39;{}&#39; &#39;https://backup.example.test/api/v1/plans/plan_…&#39;'));
    assert.match(chapter, /schedule\.cron<\/code> <span class="quiet">required/);
  });

  it('is for whoever may look, and has no chapter that is not there', async () => {
    assert.match(await world.read('/reference', { role: 'viewer' }), /end-points do everything/);
    await assert.rejects(world.ask('get', '/reference/nothing'), { code: 'not_found' });
  });
});
