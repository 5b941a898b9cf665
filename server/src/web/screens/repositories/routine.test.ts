import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { DEFAULT_TENANT } from '@holdfast/shared/domain/ids.ts';
import { DEFAULT_ROUTINE, type Routine } from '@holdfast/shared/domain/routine.ts';
import type { Host } from '../../../store/hosts.ts';
import type { Repository } from '../../../store/repositories.ts';
import { readWords } from '../fixtures/inert.ts';
import { addHost, addRepository, DAY_MS, HOUR_MS } from '../fixtures/setup-fleet.ts';
import { createWorld, NOW, type World } from '../fixtures/world.ts';
import { REPOSITORY_PAGE_SCREENS } from './repository-page.ts';
import { ROUTINE_SCREENS } from './routine.ts';

describe('the routine of a repository', () => {
  let world: World;
  let host: Host;
  let repository: Repository;
  before(async () => {
    world = await createWorld([...REPOSITORY_PAGE_SCREENS, ...ROUTINE_SCREENS]);
    host = await addHost(world, { name: 'db-1' });
    const { hosts } = world.context.store;
    const facts = { ...host.facts, capabilities: ['check.start', 'prune.start', 'repository.measure'] };
    await hosts.recordContact(host.id, { at: NOW, facts } as Parameters<typeof hosts.recordContact>[1]);
    repository = await addRepository(world, { testedFrom: host.id });
  });
  after(() => world.close());

  const path = () => `/repositories/${repository.id}`;
  const post = (form: Readonly<Record<string, string>>) => world.ask('post', `${path()}/routine`, { form });
  const FORM = {
    isOn: 'on',
    checkDays: '7',
    readAllDays: '90',
    pruneDays: '7',
    forgetDays: '1',
    measureDays: '1',
    windows: '',
    zone: 'UTC',
    maintainer: '',
  };
  const save = (since: number, change: Partial<Routine> = {}, fixed = false) =>
    world.context.store.routines.saveRoutine({
      tenant: DEFAULT_TENANT,
      repository: repository.id,
      settings: { ...DEFAULT_ROUTINE, ...change },
      since,
      lease: { host: fixed ? host.id : undefined, until: 0, isFixed: fixed },
    });

  it('says that nothing happens by itself where it is kept up by hand, and offers to change that', async () => {
    const page = await world.read(path());
    assert.match(readWords(page), /off Checks and prunes run only when somebody starts them/);
    assert.ok(page.includes(`${path()}/routine`));
    assert.ok(!(await world.read(path(), { role: 'viewer' })).includes(`${path()}/routine`));
  });

  it('is set with the defaults of a new repository in one step, and let go again', async () => {
    const form = await world.read(`${path()}/routine`);
    assert.match(form, /name="readAllDays"[^>]*value="90"|value="90"[^>]*name="readAllDays"/u);
    const reply = await post({ ...FORM, windows: 'Sat, Sun 01:00 to 05:00', zone: 'Europe/Berlin', maintainer: host.id });
    assert.ok(reply.kind === 'redirect' && reply.flash?.tone === 'good');
    const stored = await world.context.store.routines.findRoutine(DEFAULT_TENANT, repository.id);
    const windows = [{ from: '01:00', to: '05:00', days: [0, 6] }];
    assert.deepEqual(stored?.settings, { ...DEFAULT_ROUTINE, windows, zone: 'Europe/Berlin' });
    assert.deepEqual(stored?.lease, { host: host.id, until: 0, isFixed: true });
    const again = await world.read(`${path()}/routine`);
    assert.match(again, /Sat, Sun 01:00 to 05:00/);
    await post({ isOn: '' });
    assert.equal(await world.context.store.routines.findRoutine(DEFAULT_TENANT, repository.id), undefined);
  });

  it('names each field at fault and keeps what was typed', async () => {
    const reply = await post({
      ...FORM,
      checkDays: 'soon',
      readAllDays: '',
      windows: 'at night',
      zone: 'Mars/Base',
      pruneDays: '99999',
    });
    assert.ok(reply.kind === 'page' && reply.status === 422);
    const words = readWords(String(reply.html));
    for (const problem of [/must be a whole number of days/, /“at night” is no window/, /is not a time zone/, /3650/])
      assert.match(words, problem);
    assert.match(String(reply.html), /value="soon"/);
    const short = await post({ ...FORM, checkDays: '30', readAllDays: '7' });
    assert.match(readWords(String(short.kind === 'page' && short.html)), /must not be less than the days between two checks/);
  });

  it('shows who keeps it up, what comes next, and why what is due does not begin', async () => {
    await save(NOW - DAY_MS - HOUR_MS);
    const words = readWords(await world.read(path()));
    assert.match(words, /planned Prune every 7 days next/);
    assert.match(words, /planned Check every 7 days: next part 1 of 12 next/);
    assert.match(words, /Begins at any time\./);
    await save(NOW, { checkDays: 0, readAllDays: 0, measureDays: 0, windows: [{ from: '01:00', to: '05:00', days: [0] }] }, true);
    assert.match(readWords(await world.read(path())), /Begins only 01:00 to 05:00, Sunday \(UTC\)\./);
  });

  it('is overdue for everybody to see once nobody did it for two days, with the host that is missing', async () => {
    await world.context.store.routines.deleteRoutine(DEFAULT_TENANT, repository.id);
    const away = await addHost(world, { name: 'db-2' });
    world.directory.online.delete(away.id);
    await world.context.store.routines.saveRoutine({
      tenant: DEFAULT_TENANT,
      repository: repository.id,
      settings: DEFAULT_ROUTINE,
      since: NOW - 10 * DAY_MS,
      lease: { host: away.id, until: 0, isFixed: true },
    });
    const words = readWords(await world.read(path()));
    assert.match(words, /overdue Prune every 7 days due since 3 days: db-2 is offline/);
    assert.match(words, /db-2 maintains it Not now: db-2 is offline\. No other host takes over: it was chosen\./);
    assert.match(words, /waits Size every day due since 9 days: db-2 is offline/);
  });
});
