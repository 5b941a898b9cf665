import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import * as calendar from '../../../fires/fires.ts';
import { CHANNEL_KINDS } from '../../../notify/all.ts';
import { createFleet, type Fleet } from '../fixtures/fleet.ts';
import { createWorld, type World } from '../fixtures/world.ts';
import { createPlanScreens } from './plans.ts';

let world: World;
let fleet: Fleet;

before(async () => {
  world = await createWorld(createPlanScreens(calendar, CHANNEL_KINDS));
  fleet = await createFleet(world);
  await world.ask('post', `/plans/${fleet.plans.nightly}`, { form: { enabled: 'false' } });
});
after(() => world.close());

const namesIn = (page: string) => [...page.matchAll(/<th role="rowheader"[^>]*><a [^>]*>([^<]*)<\/a>/g)].map(([, name]) => name);
const chipsIn = (page: string) =>
  [...page.matchAll(/<a class="chip" href="([^"]*)">.*?<span class="quiet">(\w+)<\/span> (.*?)<\/span>/g)].map(
    ([, href = '', label, value]) => ({ href: href.replaceAll('&amp;', '&'), label, value }),
  );
const list = async (query: string) => namesIn(await world.read(`/plans${query}`));
const source = (name: string) => fleet.sources[name] ?? assert.fail(name);
const host = (name: string) => fleet.hosts[name] ?? assert.fail(name);

const HOURLY = 'hourly';
const FILES = 'nightly files';
const BY_HAND = 'erp before updates';

describe('The list of plans, narrowed', () => {
  it('shows those of a repository, a host, a source, a state or a part of the name', async () => {
    const { s3, local } = fleet.repositories;
    assert.deepEqual(await list(''), [BY_HAND, HOURLY, FILES]);
    assert.deepEqual(await list(`?repository=${s3}`), [HOURLY, FILES]);
    assert.deepEqual(await list(`?repository=${local}`), [BY_HAND]);
    assert.deepEqual(await list('?enabled=false'), [FILES]);
    assert.deepEqual(await list('?enabled=true'), [BY_HAND, HOURLY]);
    assert.deepEqual(await list('?q=NIGHT'), [FILES]);
    assert.deepEqual(await list(`?source=${source('erp')}`), [BY_HAND]);
    assert.deepEqual(await list(`?host=${host('db-2.fra')}`), [HOURLY]);
    assert.deepEqual(await list(`?repository=${s3}&enabled=false`), [FILES]);
  });

  it('names each filter that is on, and each can be taken off alone', async () => {
    const page = await world.read(`/plans?q=o&repository=${fleet.repositories.s3}&host=${host('db-2.fra')}&enabled=true`);
    const chips = chipsIn(page);
    assert.deepEqual(
      chips.map(({ label, value }) => `${label} ${value}`),
      ['name “o”', 'repository s3-eu', 'host db-2.fra', 'state enabled'],
    );
    for (const { href, label } of chips) {
      const rest = chipsIn(await world.read(href)).map((chip) => chip.label);
      assert.deepEqual(
        rest,
        chips.map((chip) => chip.label).filter((one) => one !== label),
      );
    }
    assert.match(page, /<a class="chip-clear" href="\/plans">Remove all/);
    assert.deepEqual(chipsIn(await world.read('/plans')), []);
  });

  it('marks in the bar what is chosen, and offers the sources of the chosen host', async () => {
    const page = await world.read(`/plans?repository=${fleet.repositories.local}&host=${host('db-2.fra')}`);
    assert.match(page, new RegExp(`<option\\s+value="${fleet.repositories.local}" selected>`));
    assert.match(page, new RegExp(`<option\\s+value="${host('db-2.fra')}" selected>`));
    const bar = /<select[^>]*\sname="source">(.*?)<\/select>/.exec(page)?.[1] ?? '';
    assert.deepEqual(
      [...bar.matchAll(/>([^<]+)<\/option>/g)].map(([, label]) => label),
      ['All sources', 'orders', 'shop'],
    );
    assert.match(await world.read('/plans'), />erp · erp-prod<\/option>/);
  });

  it('says when nothing matches, and leads to every plan', async () => {
    const one = await world.read('/plans?q=nowhere');
    assert.match(one, /No plan matches this filter\.[\s\S]*href="\/plans"[^>]*><span>Show all plans/);
    const two = await world.read(`/plans?repository=${fleet.repositories.local}&enabled=false`);
    assert.match(two, /No plan matches all of these filters\./);
    assert.match(two, /<h1>“hourly” fires next/);
    assert.doesNotMatch(two, /No plan yet/);
  });

  it('keeps what is deleted as a filter with its way out, and leaves out what is none', async () => {
    const gone = world.context.createId('repository');
    assert.deepEqual(
      chipsIn(await world.read(`/plans?repository=${gone}`)).map(({ value, href }) => [value, href]),
      [['a deleted repository', '/plans']],
    );
    assert.deepEqual(await list('?repository=%22%3E%3Cscript%3E&host=x&source=&enabled=maybe'), [BY_HAND, HOURLY, FILES]);
    const hostile = await world.read('/plans?q=%22%3E%3Cscript%3E');
    assert.ok(!hostile.includes('"><script>'));
  });

  it('comes again by itself as it is narrowed, and pausing leads back to it', async () => {
    const query = `?repository=${fleet.repositories.s3}`;
    const part = await world.read(`/plans${query}`, { part: 'plans' });
    assert.match(part, /^<div[^>]* id="plans" data-live="plans runs" data-live-get="\/plans\?repository=repo_[^"]+">/);
    assert.match(part, /class="chips"/);
    assert.match(part, /name="back" value="\/plans\?repository=repo_[^"]+"/);
    assert.doesNotMatch(part, /<html/);
  });
});
