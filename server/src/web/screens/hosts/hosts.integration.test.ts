import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type AnnouncementId, DEFAULT_TENANT } from '@holdfast/shared/domain/ids.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import type { HostStore } from '../../../store/hosts.ts';
import { assertInert, countMatches, readWords } from '../fixtures/inert.ts';
import { addHost, announce, HOUR_MS, LONG_NAME, MARKUP_NAME, MINUTE_MS, REVERSED_NAME } from '../fixtures/setup-fleet.ts';
import { type Night, seedNight } from '../fixtures/setup-night.ts';
import { createWorld, NOW, type World } from '../fixtures/world.ts';
import { ADD_HOST_SCREENS } from './host-add.ts';
import { HOST_PAGE_SCREENS } from './host-page.ts';
import { HOST_SCREENS } from './hosts.ts';

const ROUTES = [...ADD_HOST_SCREENS, ...HOST_PAGE_SCREENS, ...HOST_SCREENS];
describe('the hosts page before any host', () => {
  let world: World;
  before(async () => {
    world = await createWorld(ROUTES);
  });
  after(() => world.close());

  it('says so and shows the way on', async () => {
    const markup = await world.read('/hosts');
    assert.match(readWords(markup), /No host has joined yet\./);
    assert.match(markup, /href="\/hosts\/new"/);
    assert.match(markup, /id="pending-hosts"[^>]* hidden/);
  });

  it('keeps a place for announcements, which the live update fills', async () => {
    const empty = await world.read('/hosts', { part: 'pending-hosts' });
    assert.match(empty, /^<div\s+id="pending-hosts"/);
    await announce(world, 'web-1');
    const filled = await world.read('/hosts', { part: 'pending-hosts' });
    assert.match(filled, /^<div [^>]*id="pending-hosts"/);
    assert.ok(!/ hidden/.test(filled.slice(0, 200)));
    assert.match(readWords(filled), /web-1 wants to join/);
  });
});

describe('the hosts page', () => {
  let world: World;
  let night: Night;
  before(async () => {
    world = await createWorld(ROUTES);
    night = await seedNight(world);
  });
  after(() => world.close());

  it('answers first who waits and how many are there', async () => {
    const words = readWords(await world.read('/hosts'));
    assert.match(words, /2 hosts wait for your approval\./);
    assert.match(words, /26 of 28 online · 2 silent · 2 revoked or quarantined/);
  });

  it('shows six words, the address and a warning for a name that is taken', async () => {
    const markup = await world.read('/hosts');
    assert.equal(countMatches(markup, /class="fingerprint"/), 2);
    assert.match(readWords(markup), /A host is already named db-1\.fra ?\. If this machine was rebuilt/);
    assert.match(markup, new RegExp(`already named <a href="/hosts/${night.db.id}">db-1\\.fra</a>`));
    assert.equal(countMatches(markup, /already named/), 1);
    assert.match(markup, /192\.0\.2\.17/);
  });

  it('shows hostile names as text, in full', async () => {
    const markup = await world.read('/hosts');
    assertInert(markup);
    const words = readWords(markup);
    assert.ok(words.includes(MARKUP_NAME));
    assert.ok(words.includes(LONG_NAME));
  });

  it('names each standing, drift and the newest good backup', async () => {
    const words = readWords(await world.read('/hosts'));
    for (const text of ['online', 'offline', 'revoked', 'quarantined', 'settings behind', 'nothing to back up', '2 without']) {
      assert.ok(words.includes(text), text);
    }
  });

  it('filters by name, state and tag, and says when nothing matches', async () => {
    const rowsOf = async (query: string) =>
      countMatches(await world.read(`/hosts?${query}`, { part: 'hosts' }), /<tr[^>]* data-row/);
    assert.equal(await rowsOf('state=revoked'), 1);
    assert.equal(await rowsOf('state=offline'), 2);
    assert.equal(await rowsOf('state=online'), 26);
    assert.equal(await rowsOf('tag=production'), 4);
    assert.equal(await rowsOf('q=WEB-2.'), 1);
    assert.equal(await rowsOf('q=nobody'), 0);
    assert.match(readWords(await world.read('/hosts?q=nobody')), /No host matches Show all hosts/);
    assert.equal(await rowsOf('state=strange'), 30, 'an unknown state is no filter');
    assert.match(await world.read('/hosts?tag=gone'), /name="tag"[\s\S]*?value="production"[\s\S]*?value="gone" selected>/);
  });

  it('answers a live update with the very element of the page', async () => {
    const page = await world.read('/hosts?state=online');
    const part = await world.read('/hosts?state=online', { part: 'hosts' });
    assert.ok(page.includes(part));
    assert.match(part, /^<div class="table-wrap"\s+id="hosts" data-live="hosts" data-live-get="\/hosts\?state=online">/);
  });

  it('lets only an administrator approve', async () => {
    const markup = await world.read('/hosts', { role: 'operator' });
    assert.ok(!markup.includes('/approve'));
    assert.match(readWords(markup), /An administrator can let it in/);
  });

  it('pages through more hosts than fit, forth and back', async () => {
    const other = await createWorld(ROUTES);
    try {
      for (let index = 0; index < 60; index += 1) await addHost(other, { name: `host-${String(index).padStart(2, '0')}` });
      const first = await other.read('/hosts');
      const next = /rel="next" href="([^"]+)"/.exec(first)?.[1]?.replaceAll('&amp;', '&') ?? '';
      const second = await other.read(next);
      assert.ok(second.includes('>host-59<') && !second.includes('>host-00<'));
      const previous = /rel="prev" href="([^"]+)"/.exec(second)?.[1] ?? '';
      assert.ok((await other.read(previous)).includes('>host-00<'));
    } finally {
      await other.close();
    }
  });

  it('shows a host that is well among its sources', async () => {
    const words = readWords(await world.read(`/hosts/${night.db.id}`));
    assert.match(words, /db-1\.fra is online, with 2 of 4 sources protected\./);
    assert.match(words, /app PostgreSQL database · app on 127\.0\.0\.1:5432 clean backup 7 h ago, expected every 24 h/);
    assert.match(words, /Plans 1.plan nightly .* in 16 h/);
    assert.match(words, /missing mariadb-dump MariaDB sources cannot be backed up/);
    assert.match(words, /restic 0\.14\.0/);
    assert.match(words, /1 running · 0 waiting/);
    assert.match(words, /Connected again; 14 events were reported late/);
    const markup = await world.read(`/hosts/${night.db.id}`);
    assert.ok(markup.includes(`href="/snapshots?host=${night.db.id}"`));
    assert.match(markup, /<dt>Repository<\/dt><dd><a href="\/repositories\/repo_/);
    assertInert(await world.read(`/hosts/${night.db.id}`));
    assert.ok(!words.includes(REVERSED_NAME));
  });

  it('shows what failed in the tool’s own words', async () => {
    const words = readWords(await world.read(`/hosts/${night.broken.id}`));
    assert.match(words, /password authentication failed for user "backup"/);
    assert.match(words, /works by version 11, should work by 12; on their way/);
  });

  it('answers the live parts of a host with the very elements of its page', async () => {
    const address = `/hosts/${night.db.id}`;
    const page = await world.read(address);
    for (const part of ['host-part', 'host-answer', 'host-lede']) {
      const markup = await world.read(address, { part });
      assert.ok(page.includes(markup), part);
      assert.ok(markup.includes(`id="${part}"`), part);
    }
  });

  it('answers "not found" for ids that are none and for hosts that are not there', async () => {
    for (const id of ['nonsense', 'host_unknown', 'src_1', '<script>']) {
      await assert.rejects(
        world.ask('get', `/hosts/${encodeURIComponent(id)}`),
        (error) => error instanceof AppError && error.code === 'not_found',
      );
    }
  });
});

describe('approving and rejecting', () => {
  let world: World;
  before(async () => {
    world = await createWorld(ROUTES);
  });
  after(() => world.close());

  it('lets a host in under the given name and tags, and leads to its page', async () => {
    const id = await announce(world, 'web-1.example.test');
    const reply = await world.ask('post', `/hosts/pending/${id}/approve`, {
      form: { name: ' web-1 ', tags: 'production, fra ,production' },
    });
    assert.equal(reply.kind, 'redirect');
    const to = reply.kind === 'redirect' ? reply.to : '';
    assert.match(to, /^\/hosts\/host_/);
    const words = readWords(await world.read(to));
    assert.match(words, /web-1 has not connected yet\./);
    assert.match(words, /production fra/);
  });

  it('keeps what was typed and says what is wrong with it', async () => {
    const id = await announce(world, 'web-2');
    const reply = await world.ask('post', `/hosts/pending/${id}/approve`, { form: { name: '', tags: '<b>' } });
    assert.ok(reply.kind === 'page' && reply.status === 422);
    const markup = reply.html.toString();
    assert.match(markup, /is needed/);
    assert.match(markup, /may hold letters, digits/);
    assert.match(markup, /value="&lt;b&gt;"/);
    assertInert(markup);
  });

  it('says that an announcement was answered already', async () => {
    const id = await announce(world, 'web-3');
    await world.ask('post', `/hosts/pending/${id}/reject`, { form: { reason: 'not ours' } });
    const reply = await world.ask('post', `/hosts/pending/${id}/approve`, { form: { name: 'web-3', tags: '' } });
    assert.ok(reply.kind === 'page' && reply.status === 422);
    assert.match(readWords(reply.html.toString()), /answered already/);
    const stored = await world.context.store.hosts.findAnnouncement(id as AnnouncementId);
    assert.equal(stored?.rejection, 'not ours');
  });
});

describe('adding a host', () => {
  let world: World;
  before(async () => {
    world = await createWorld(ROUTES);
  });
  after(() => world.close());

  it('shows the line to run, and waits', async () => {
    const words = readWords(await world.read('/hosts/new'));
    assert.match(words, /holdfast-agent run --server https:\/\/backup\.example\.test/);
    assert.match(words, /Waiting for the host/);
  });

  it('shows the announcement by itself when it comes', async () => {
    await announce(world, 'web-1');
    const part = await world.read('/hosts/new', { part: 'pending-hosts' });
    assert.match(part, /data-live-get="\/hosts\/new"/);
    assert.match(readWords(part), /web-1 wants to join/);
  });

  it('makes an enrolment token, shows it once and lists it without it', async () => {
    const form = { note: 'autumn', uses: '5', lifeHours: '24', tags: 'web' };
    const markup = await world.read('/hosts/enrolment-tokens', { form });
    const token = /hfe_[A-Za-z0-9_-]{43}/.exec(markup)?.[0];
    assert.ok(token !== undefined);
    assert.match(markup, new RegExp(`HOLDFAST_ENROLL_TOKEN=${token} holdfast-agent run`));
    const later = await world.read('/hosts/new');
    assert.ok(!later.includes('hfe_'));
    assert.match(readWords(later), /autumn 5 uses left · ends in 24 h/);
    const [row] = await world.context.store.hosts.listEnrolmentTokens(DEFAULT_TENANT, NOW);
    assert.equal(row?.expiresAt, NOW + 24 * HOUR_MS);
    assert.deepEqual(row?.tags, ['web']);
    await world.ask('post', `/hosts/enrolment-tokens/${row?.id}/delete`, { form: {} });
    assert.ok(!(await world.read('/hosts/new')).includes('uses left'));
  });

  it('makes a token for one host that brings its first source, and keeps what a refused one would have brought', async () => {
    const form = { note: 'db', uses: '1', lifeHours: '1', tags: '', hostname: 'db-7', paths: '/etc\r\n\r\n/srv/<b>', plan: '' };
    await world.read('/hosts/enrolment-tokens', { form });
    const later = await world.read('/hosts/new');
    assert.match(readWords(later), /1 use left · ends in 1 h · only for db-7 · backs up \/etc, \/srv\/<b>/);
    assert.ok(!later.includes('/srv/<b>'));
    const refused = await world.ask('post', '/hosts/enrolment-tokens', { form: { ...form, paths: 'srv' } });
    assert.ok(refused.kind === 'page' && refused.status === 422);
    assert.match(refused.html.toString(), /value="db-7"/);
    assert.match(readWords(refused.html.toString()), /Paths/);
  });

  it('keeps a refused token form as it was typed', async () => {
    const reply = await world.ask('post', '/hosts/enrolment-tokens', {
      form: { note: 'x', uses: '0.5', lifeHours: '1', tags: '', hostname: '', paths: '', plan: '' },
    });
    assert.ok(reply.kind === 'page' && reply.status === 422);
    assert.match(reply.html.toString(), /value="0.5"/);
    assert.match(reply.html.toString(), /must be a whole number/);
  });

  it('offers no token to who may not make one', async () => {
    const markup = await world.read('/hosts/new', { role: 'viewer' });
    assert.ok(!markup.includes('action="/hosts/enrolment-tokens"'));
  });
});

describe('changing a host', () => {
  let world: World;
  before(async () => {
    world = await createWorld(ROUTES);
  });
  after(() => world.close());

  it('saves name, tags and how many runs go at once', async () => {
    const host = await addHost(world, { name: 'db-1' });
    const form = { name: 'db-one', tags: 'fra', concurrency: '5' };
    const reply = await world.ask('post', `/hosts/${host.id}/edit`, { form });
    assert.ok(reply.kind === 'redirect' && reply.to === `/hosts/${host.id}`);
    const edit = await world.read(`/hosts/${host.id}/edit`);
    for (const value of ['db-one', 'fra', '5']) assert.match(edit, new RegExp(`value="${value}"`));
  });

  it('saves what each run may take, shows it, and keeps what was typed wrongly beside the reason', async () => {
    const host = await addHost(world, { name: 'db-limited' });
    const form = {
      name: 'db-limited',
      tags: '',
      concurrency: '3',
      nice: '10',
      io: 'idle',
      upload: '2048',
      download: '',
      memory: '',
    };
    const reply = await world.ask('post', `/hosts/${host.id}/edit`, { form });
    assert.ok(reply.kind === 'redirect');
    const words = readWords(await world.read(`/hosts/${host.id}`));
    assert.match(words, /Limits of each run niceness 10, disk only when idle, upload at most 2048.KiB\/s/u);
    assert.match(await world.read(`/hosts/${host.id}/edit`), /value="2048"/);

    const wrong = await world.ask('post', `/hosts/${host.id}/edit`, { form: { ...form, nice: '20', memory: 'a lot' } });
    assert.ok(wrong.kind === 'page' && wrong.status === 422);
    const shown = wrong.html.toString();
    for (const field of ['nice', 'memory']) assert.match(shown, new RegExp(`id="f-${field}-error"`));
    assert.match(readWords(shown), /must be a whole number from 0 to 19.*must be a whole number from 64/s);
    assert.match(shown, /value="20"/);

    await world.ask('post', `/hosts/${host.id}/edit`, { form: { ...form, nice: '', io: '', upload: '' } });
    assert.doesNotMatch(readWords(await world.read(`/hosts/${host.id}`)), /Limits of each run/);
  });

  it('names the field when the name is taken', async () => {
    const host = await addHost(world, { name: 'db-2' });
    await addHost(world, { name: 'db-3' });
    const reply = await world.ask('post', `/hosts/${host.id}/edit`, { form: { name: 'db-3', tags: '', concurrency: '3' } });
    assert.ok(reply.kind === 'page' && reply.status === 422);
    assert.match(reply.html.toString(), /id="f-name-error"/);
    assert.match(readWords(reply.html.toString()), /another host is named db-3/);
  });

  it('revokes only when the name was typed, and ends the connection', async () => {
    const host = await addHost(world, { name: 'db-4' });
    const wrong = await world.ask('post', `/hosts/${host.id}/revoke`, { form: { confirm: 'db-5' } });
    assert.ok(wrong.kind === 'redirect' && wrong.flash?.tone === 'bad');
    assert.deepEqual(world.directory.disconnected, []);
    await world.ask('post', `/hosts/${host.id}/revoke`, { form: { confirm: 'db-4' } });
    assert.deepEqual(world.directory.disconnected, [host.id]);
    const words = readWords(await world.read(`/hosts/${host.id}`));
    assert.match(words, /db-4 is revoked and cannot connect\./);
    assert.ok(!words.includes('Add source'));
  });

  it('gives a new token to a host that is there, and says why it cannot otherwise', async () => {
    const host = await addHost(world, { name: 'db-6' });
    world.directory.answers['token.rotate'] = () => ({ accepted: true });
    const done = await world.ask('post', `/hosts/${host.id}/rotate-token`, { form: {} });
    assert.ok(done.kind === 'redirect' && done.flash?.tone === 'good');
    assert.match(readWords(await world.read(`/hosts/${host.id}`)), /Token given now not used yet/);
    world.directory.online.delete(host.id);
    const away = await world.ask('post', `/hosts/${host.id}/rotate-token`, { form: {} });
    assert.ok(away.kind === 'redirect' && away.flash?.tone === 'bad');
  });

  it('drains a host for the chosen time, says who did so until when and what still runs, and resumes it', async () => {
    const host = await addHost(world, { name: 'drained' });
    const page = `/hosts/${host.id}`;
    assert.match(await world.read(page), /value="120" selected/);
    const refused = await world.ask('post', `${page}/drain`, { form: { minutes: '99999' } });
    assert.ok(refused.kind === 'redirect' && refused.flash?.tone === 'bad');
    const done = await world.ask('post', `${page}/drain`, { form: { minutes: '60' } });
    assert.ok(done.kind === 'redirect' && done.flash?.tone === 'good');
    assert.deepEqual(done.flash.undo, { action: `${page}/resume`, hidden: {} });
    const longer = await world.ask('post', `${page}/drain`, { form: { minutes: '90' } });
    assert.ok(longer.kind === 'redirect');
    assert.deepEqual(longer.flash?.undo, { action: `${page}/drain`, hidden: { minutes: '60' } });
    await world.ask('post', `${page}/drain`, { form: longer.flash?.undo?.hidden ?? {} });
    const waits = readWords(await world.read(page));
    assert.match(waits, /drained is online and drained: it takes no new runs\./);
    assert.match(
      waits,
      /Takes no new runs until today \S+ \( in 1.h \)\. Drained by ada now \. The host has not taken it over yet\./,
    );
    const { specVersion } = (await world.context.store.hosts.findHost(host.tenant, host.id)) ?? {};
    await world.context.store.hosts.acknowledgeSpec(host.id, specVersion ?? 0);
    const idle = readWords(await world.read(page));
    assert.match(idle, /Nothing runs any more: the machine or its agent may be stopped\./);
    const list = readWords(await world.read('/hosts?state=draining'));
    assert.match(list, /drained.*online draining/);
    const resumed = await world.ask('post', `${page}/resume`, { form: {} });
    assert.ok(resumed.kind === 'redirect' && resumed.flash?.tone === 'good');
    assert.deepEqual(resumed.flash.undo, { action: `${page}/drain`, hidden: { minutes: '60' } });
    assert.doesNotMatch(readWords(await world.read(page)), /Takes no new runs/);
    assert.match(readWords(await world.read('/hosts?state=draining')), /No host matches/);
  });

  it('explains a quarantined host, a wrong clock and missing tools', async () => {
    const host = await addHost(world, {
      name: 'odd',
      facts: { pdeathsig: false },
      tools: [{ tool: 'restic', found: false, advice: 'Install restic.' }],
    });
    await world.context.store.hosts.recordContact(host.id, { at: NOW - MINUTE_MS, skewMs: 95_000 });
    const words = readWords(await world.read(`/hosts/${host.id}`));
    assert.match(words, /1 m 35 s ahead of this server/);
    assert.match(words, /restic is missing: nothing on this host can be backed up/);
    assert.match(words, /children outlive a killed agent/);
    await world.context.store.hosts.setHostState(host.tenant, host.id, 'quarantined');
    assert.match(readWords(await world.read(`/hosts/${host.id}`)), /Two agents used this identity at once/);
  });

  it('shows a degraded host as such, with the reasons and what to do, and never one that was not looked over as good', async () => {
    const host = await addHost(world, { name: 'unwell', facts: { pdeathsig: false } });
    const page = `/hosts/${host.id}`;
    const lookOver = (ailments: Parameters<HostStore['recordAilments']>[1]) =>
      world.context.store.hosts.recordAilments(host.id, ailments);
    assert.match(await world.read(page), /tone-unknown">[^>]*<svg.*?<\/svg><span>online/s);
    assert.match(readWords(await world.read(page)), /children outlive a killed agent/);
    await lookOver([]);
    assert.match(await world.read(page), /tone-protected">[^>]*<svg.*?<\/svg><span>online/s);
    assert.match(readWords(await world.read('/hosts?state=degraded')), /No host matches/);
    await lookOver([
      { about: 'tools', text: 'pg_dump is missing, needed by <b>shop</b>: install postgresql-client' },
      { about: 'room', text: 'less than 64 MiB are free; make room' },
    ]);
    const html = await world.read(page);
    const words = readWords(html);
    assert.match(words, /unwell is online and degraded: 2 things on it endanger its backups\./);
    assert.match(words, /Tools : pg_dump is missing, needed by <b>shop<\/b>: install postgresql-client/);
    assert.match(words, /Room for its journal : less than 64 MiB are free; make room/);
    assert.ok(!html.includes('<b>shop'), 'what a person named is text');
    assert.doesNotMatch(words, /children outlive a killed agent/, 'the reasons stand in one place');
    const list = readWords(await world.read('/hosts?state=degraded'));
    assert.match(list, /unwell.*degraded/);
    assert.match(list, /1 degraded/);
    world.directory.online.delete(host.id);
    assert.match(readWords(await world.read(page)), /unwell is silent/);
    assert.doesNotMatch(readWords(await world.read(page)), /degraded/);
  });

  it('says of each self-check how it stands, what was seen and what to do', async () => {
    const host = await addHost(world, { name: 'checked' });
    const beat = {
      at: NOW,
      loopLagMs: 3,
      outboxEvents: 0,
      outboxBytes: 0,
      activeRuns: 0,
      queuedRuns: 0,
      cpuRatio: 0,
      memoryUsedBytes: 1,
      memoryTotalBytes: 2,
      stateDiskFreeBytes: 9 * 1024 ** 3,
      journalBytes: 5 * 1024 ** 2,
    };
    await world.context.store.hosts.recordContact(host.id, { at: NOW, skewMs: -40 });
    world.directory.heartbeats.set(host.id, beat);
    const fine = readWords(await world.read(`/hosts/${host.id}`));
    for (const text of [
      'good: Clock agrees with this server’s',
      'good: Reports all are in',
      'good: Room for its journal 9 GiB free',
      'good: Journal 5 MiB',
    ])
      assert.ok(fine.includes(text), text);
    world.directory.heartbeats.set(host.id, {
      ...beat,
      outboxEvents: 5000,
      outboxBytes: 1024 ** 2,
      stateDiskFreeBytes: 1024,
      loopLagMs: 4000,
      journalBytes: 3 * 1024 ** 3,
    });
    await world.context.store.hosts.recordContact(host.id, { at: NOW, skewMs: -7000 });
    await world.context.store.hosts.bumpSpec(host.tenant, [host.id]);
    const bad = readWords(await world.read(`/hosts/${host.id}`));
    for (const text of [
      'look Settings works by version',
      'look Clock 7.0 s behind this server’s',
      'look Reports 5,000 events to report, 1 MiB',
      'bad Room for its journal 1 KiB free',
      'bad Journal 3 GiB; see the agent’s log',
      'look Agent’s delay 4000 ms',
    ])
      assert.ok(bad.includes(text), `${text} in ${bad.slice(bad.indexOf('Self-checks'), bad.indexOf('Self-checks') + 700)}`);
    world.directory.online.delete(host.id);
    assert.match(readWords(await world.read(`/hosts/${host.id}`)), /unknown Reports nothing since/);
  });

  it('shows the agents of a quarantined host, and one click says which of them is the host', async () => {
    const host = await addHost(world, { name: 'twice' });
    const page = `/hosts/${host.id}`;
    const seen = { hostname: '<b>db-8</b>', agentVersion: '0.1.0', bootedAt: NOW - MINUTE_MS, lastSeenAt: NOW };
    for (const boot of ['boot-of-one', 'boot-of-two'])
      world.directory.recordClaimant(host.id, { ...seen, boot, address: '192.0.2.7' });
    assert.ok(!(await world.read(page)).includes('boot-of-one'), 'nothing is asked of a host in order');
    await world.context.store.hosts.setHostState(host.tenant, host.id, 'quarantined');
    const markup = await world.read(page);
    for (const part of ['boot-of-one', 'boot-of-two', '&lt;b&gt;db-8', '192.0.2.7', `${page}/choose-agent`])
      assert.ok(markup.includes(part), part);
    const wrong = await world.ask('post', `${page}/choose-agent`, { form: { boot: 'boot-of-nobody' } });
    assert.ok(wrong.kind === 'redirect' && wrong.flash?.tone === 'bad');
    const done = await world.ask('post', `${page}/choose-agent`, { form: { boot: 'boot-of-two' } });
    assert.ok(done.kind === 'redirect' && done.flash?.tone === 'good');
    assert.equal(world.directory.findChosenBoot(host.id), 'boot-of-two');
    assert.equal((await world.read(page)).split('This one is the host').length, 2, 'the chosen one is not asked for again');
    const viewed = await world.read(page, { role: 'viewer' });
    assert.ok(viewed.includes('boot-of-one') && !viewed.includes('/choose-agent'));
  });

  it('shows no act to a viewer', async () => {
    const host = await addHost(world, { name: 'db-7' });
    const markup = await world.read(`/hosts/${host.id}`, { role: 'viewer' });
    for (const act of ['/edit', '/revoke', '/rotate-token', '/sources/new']) assert.ok(!markup.includes(act), act);
  });
});
