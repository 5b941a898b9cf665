import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { DEFAULT_TENANT, type PolicyId, type SnapshotId } from '@holdfast/shared/domain/ids.ts';
import { RETENTION_PRESETS, retentionRulesSchema } from '@holdfast/shared/domain/retention-policy.ts';
import * as calendar from '../../../fires/fires.ts';
import { CHANNEL_KINDS } from '../../../notify/all.ts';
import type { Plan } from '../../../store/plans.ts';
import type { Source } from '../../../store/sources.ts';
import { readWords } from '../fixtures/inert.ts';
import { addHost, addPlan, addRepository, addRun, addSource } from '../fixtures/setup-fleet.ts';
import { createCaller, createWorld, NOW, type World } from '../fixtures/world.ts';
import { createPlanScreens } from '../plans/plans.ts';
import { SNAPSHOT_SCREENS } from '../snapshots/snapshot.ts';
import { SNAPSHOTS_SCREENS } from '../snapshots/snapshots.ts';
import { POLICY_FORM_SCREENS } from './policy-form.ts';
import { checkRulesText, readRulesText, toRulesText } from './policy-rules.ts';
import { RETENTION_SCREENS } from './retention.ts';
import { imagineYear } from './retention-year.ts';

const HOUR = 3_600_000;
const HOSTILE = '<script>alert("keep")</script>';
const RULES = {
  hourly: '',
  daily: '7',
  weekly: '4',
  monthly: '',
  yearly: '',
  last: '',
  within: '',
  minAge: '',
  maxAge: '',
  maxTotal: '',
};

let world: World;
let plan: Plan;
let source: Source;

before(async () => {
  world = await createWorld([
    ...createPlanScreens(calendar, CHANNEL_KINDS),
    ...POLICY_FORM_SCREENS,
    ...RETENTION_SCREENS,
    ...SNAPSHOT_SCREENS,
    ...SNAPSHOTS_SCREENS,
  ]);
  const host = await addHost(world, { name: 'db-1' });
  source = await addSource(world, { host: host.id, name: 'shop' });
  const repository = await addRepository(world);
  plan = await addPlan(world, { name: 'nightly', repository: repository.id, sources: [source.id] });
  for (let age = 6; age > 0; age -= 1)
    await addRun(world, { host: host.id, plan: plan.id, repository: repository.id, source: source.id, at: NOW - age * HOUR });
});
after(() => world.close());

const store = () => world.context.store;

async function savePolicy(form: Record<string, string>): Promise<PolicyId> {
  const reply = await world.ask('post', '/retention/new', { form: { ...RULES, ...form } });
  assert.ok(reply.kind === 'redirect', JSON.stringify(reply).slice(0, 500));
  return reply.to.replace('/retention/', '') as PolicyId;
}

async function goBy(policy: PolicyId | undefined): Promise<void> {
  const now = (await store().plans.findPlan(DEFAULT_TENANT, plan.id)) ?? assert.fail('no plan');
  await store().plans.updatePlan({ ...now, retentionPolicy: policy }, now.version);
}

describe('Retention policies', () => {
  it('are listed with their rules in words, what they keep of a year, and how many plans keep everything', async () => {
    const page = readWords(await world.read('/retention'));
    assert.match(page, /1.policy; 1.plan without one keeps everything\./);
    assert.match(page, /Keeps one for each of 24 hours, 7 days, 4 weeks, 12 months\./);
    assert.match(page, /Keeps about 34 snapshots of one a day\./);
  });

  it('are made in a form that begins with a preset, shows the year as it is typed, and keeps what was typed', async () => {
    const blank = await world.read('/retention/new');
    for (const { name } of RETENTION_PRESETS) assert.ok(blank.includes(name), name);
    assert.match(blank, /hx-get="\/retention\/preview"/);
    assert.match(await world.read('/retention/new?preset=last'), /<input[^>]*value="10"[^>]*name="last"/);
    const year = readWords(await world.read('/retention/preview?last=10'));
    assert.match(year, /Keeps about 10 snapshots of one a day\./);
    assert.match(year, /One an hour about 10 of 8,760, the oldest 0 days old/);
    assert.match(readWords(await world.read('/retention/preview?everything=true')), /about 365 of 365/);
    assert.match(await world.read('/retention/preview?daily=often'), /must be a whole number/);
    const wrong = await world.ask('post', '/retention/new', {
      form: { ...RULES, name: HOSTILE, maxAge: '1 d', minAge: '5 d', daily: '3' },
    });
    assert.ok(wrong.kind === 'page' && wrong.status === 422);
    const page = wrong.html.toString();
    assert.match(page, /must not be less than the minimum age/);
    assert.match(page, /value="&lt;script&gt;/);
    const none = await world.ask('post', '/retention/new', { form: { ...RULES, name: 'none', daily: '', weekly: '' } });
    assert.ok(none.kind === 'page' && none.status === 422);
    assert.match(none.html.toString(), /This policy keeps nothing: give at least one number/);
  });

  it('are changed by the version that was read, and deleted when no plan goes by them', async () => {
    const id = await savePolicy({ name: HOSTILE, within: '14 d', maxTotal: '1.5' });
    const saved = await store().policies.findPolicy(DEFAULT_TENANT, id);
    assert.deepEqual(
      saved?.policy,
      retentionRulesSchema.parse({ kind: 'rules', daily: 7, weekly: 4, withinHours: 336, maxTotalBytes: 1.5 * 1024 ** 3 }),
    );
    assert.ok(!(await world.read(`/retention/${id}`)).includes(HOSTILE));
    const edit = await world.read(`/retention/${id}/edit`);
    assert.match(edit, /value="14 d"/);
    const form = { ...RULES, name: 'renamed', version: '1' };
    assert.equal((await world.ask('post', `/retention/${id}/edit`, { form })).kind, 'redirect');
    const second = await world.ask('post', `/retention/${id}/edit`, { form });
    assert.ok(second.kind === 'page' && second.status === 422);
    await goBy(id);
    assert.match(readWords(await world.read(`/retention/${id}`)), /It can be deleted when no plan goes by it/);
    assert.match(readWords(await world.read(`/retention/${id}/edit`)), /1.plan goes by the new rules after its next clean run/);
    const refused = await world.ask('post', `/retention/${id}/delete`);
    assert.ok(refused.kind === 'redirect' && refused.to === `/retention/${id}`);
    assert.match(refused.flash?.text ?? '', /is used by nightly/);
    await goBy(undefined);
    const gone = await world.ask('post', `/retention/${id}/delete`);
    assert.equal(gone.kind === 'redirect' && gone.to, '/retention');
    await assert.rejects(world.ask('get', `/retention/${id}`), { code: 'not_found' });
  });

  it('are read by everybody and changed by those who may', async () => {
    const role = 'viewer' as const;
    assert.doesNotMatch(await world.read('/retention', { role }), /New policy/);
    assert.doesNotMatch(await world.read('/retention/pol_standard', { role }), /Edit|Delete/);
    for (const path of ['/retention/new', '/retention/pol_standard/edit']) {
      await assert.rejects(world.ask('get', path, { role }), { code: 'forbidden' });
      await assert.rejects(world.ask('post', path, { role, form: RULES }), { code: 'forbidden' });
    }
    await assert.rejects(world.ask('post', '/retention/pol_standard/delete', { role }), { code: 'forbidden' });
  });

  it('read back from their form as they are, every preset of them', () => {
    for (const { name, policy } of RETENTION_PRESETS) {
      const { everything, values } = toRulesText(policy);
      const form = { ...values, everything: String(everything) };
      assert.deepEqual(checkRulesText(readRulesText(form)), { policy }, name);
    }
  });
});

describe('A year of imagined backups', () => {
  it('is what the planner keeps: every day of seven, and one of each of twelve months', () => {
    const rules = retentionRulesSchema.parse({ kind: 'rules', daily: 7 });
    const year = imagineYear(rules, NOW, 'UTC');
    assert.equal(year.sentence, 'Keeps about 7 snapshots of one a day.');
    assert.equal(year.weeks.length, 53);
    assert.deepEqual([year.weeks.at(-1)?.stay, year.weeks.at(-2)?.stay], [7, 0]);
    const monthly = imagineYear({ ...rules, daily: 0, monthly: 12 }, NOW, 'UTC');
    // The last two good ones always stay.
    assert.equal(monthly.sentence, 'Keeps about 13 snapshots of one a day.');
  });
});

describe('The retention of a plan', () => {
  it('says plainly that everything is kept without a policy, and offers one', async () => {
    const page = readWords(await world.read(`/plans/${plan.id}`));
    assert.match(page, /Everything is kept\. No retention policy is chosen, so nothing is ever removed/);
    assert.match(await world.read(`/plans/${plan.id}`), new RegExp(`href="/plans/${plan.id}/edit">Choose a policy`));
    assert.doesNotMatch(await world.read(`/plans/${plan.id}`, { role: 'viewer' }), /Choose a policy/);
  });

  it('says what stays, what goes next time, and why of each', async () => {
    await goBy(await savePolicy({ name: 'four', daily: '', weekly: '', last: '4' }));
    const page = await world.read(`/plans/${plan.id}`);
    assert.match(readWords(page), /4 stay, 2 go next time\./);
    assert.match(readWords(page), /db-1 \/ shop no rule keeps it/);
    const part = await world.read(`/plans/${plan.id}`, { part: 'plan-retention' });
    assert.match(part, /^<section class="panel"[^>]*id="plan-retention"/);
    const all = readWords(await world.read(`/plans/${plan.id}/retention`));
    assert.match(all, /is number 1 of the 4 newest; is one of the last 2 good ones/);
    assert.equal([...all.matchAll(/no rule keeps it/g)].length, 4, 'two in the table, two in the sum beside it');
  });

  it('says that much at once waits for a person, and that it is frozen by what', async () => {
    await goBy(await savePolicy({ name: 'two', daily: '', weekly: '', last: '2' }));
    const page = readWords(await world.read(`/plans/${plan.id}`));
    assert.match(page, /2 stay, 4 wait for a person\./);
    assert.match(
      page,
      /db-1 \/ shop ?: 4 of 6.backups would go in one step\. That is more than half, so it waits for a person to agree\./,
    );
    const repository = plan.repository;
    const run = { host: source.host, plan: plan.id, repository, source: source.id };
    await addRun(world, { ...run, at: NOW - HOUR / 2, state: 'failed' });
    const frozen = readWords(await world.read(`/plans/${plan.id}`));
    assert.match(frozen, /6 stay, none goes next time\./);
    assert.match(frozen, /nothing is removed, because the newest run is not clean ?\./);
    await addRun(world, { ...run, at: NOW - HOUR / 4 });
  });

  it('is chosen in the form, the standard one first, and refuses what is no policy', async () => {
    const blank = await world.read('/plans/new');
    assert.match(blank, /<option\s+value="pol_standard" selected>/);
    assert.match(blank, /<option\s+value="everything">Everything: nothing is ever removed/);
    const form = { name: 'weekly', repository: plan.repository, sources: [source.id], preset: 'daily', zone: 'UTC', cron: '' };
    const wrong = await world.ask('post', '/plans/new', { form: { ...form, retentionPolicy: 'soon' } });
    assert.ok(wrong.kind === 'page' && wrong.status === 422);
    assert.match(wrong.html.toString(), /Choose one of the policies\./);
    const chosen = await world.ask('post', '/plans/new', { form: { ...form, retentionPolicy: 'pol_standard' } });
    assert.ok(chosen.kind === 'redirect');
    const id = chosen.to.replace('/plans/', '');
    assert.match(await world.read(`${chosen.to}/edit`), /<option\s+value="pol_standard" selected>/);
    const page = await store().plans.listPlans(DEFAULT_TENANT, { search: 'weekly' }, { limit: 1 });
    assert.deepEqual([page.rows[0]?.id, page.rows[0]?.retentionPolicy], [id, 'pol_standard']);
    await world.ask('post', `${chosen.to}/edit`, { form: { ...form, retentionPolicy: 'everything' } });
    assert.equal((await store().plans.findPlan(DEFAULT_TENANT, plan.id))?.retentionPolicy !== undefined, true);
    const after = await store().plans.listPlans(DEFAULT_TENANT, { search: 'weekly' }, { limit: 1 });
    assert.equal(after.rows[0]?.retentionPolicy, undefined);
  });
});

describe('A pinned snapshot', () => {
  const findOldest = async (): Promise<SnapshotId> => {
    const { rows } = await store().snapshots.listSnapshots(DEFAULT_TENANT, { plan: plan.id }, { limit: 50 });
    return rows.at(-1)?.id ?? assert.fail('no snapshot');
  };

  it('is pinned by one click and unpinned by another, and is shown as such', async () => {
    const id = await findOldest();
    assert.match(await world.read(`/snapshots/${id}`), /name="pinned" value="true"/);
    const pinned = await world.ask('post', `/snapshots/${id}/pin`, { form: { pinned: 'true' } });
    assert.ok(pinned.kind === 'redirect' && pinned.flash?.tone === 'good');
    const page = await world.read(`/snapshots/${id}`);
    assert.match(readWords(page), new RegExp(`pinned .*by ${createCaller().actor.name}`));
    assert.match(page, /name="pinned" value="false"/);
    assert.match(await world.read('/snapshots?pinned=true'), /badge[^>]*>pinned</);
    assert.match(readWords(await world.read(`/plans/${plan.id}/retention`)), /is pinned/);
    assert.doesNotMatch(await world.read(`/snapshots/${id}`, { role: 'viewer' }), /name="pinned"/);
    await assert.rejects(world.ask('post', `/snapshots/${id}/pin`, { role: 'viewer', form: { pinned: 'false' } }), {
      code: 'forbidden',
    });
    await world.ask('post', `/snapshots/${id}/pin`, { form: { pinned: 'false' } });
    assert.equal((await store().snapshots.findSnapshot(DEFAULT_TENANT, id))?.pinnedAt, undefined);
    assert.match(await world.read('/snapshots?pinned=true'), /No snapshot fits these filters/);
  });

  it('cannot be one that was removed, whose page says when and why', async () => {
    const id = await findOldest();
    const { engineId } = (await store().snapshots.findSnapshot(DEFAULT_TENANT, id)) ?? assert.fail('no snapshot');
    const run = world.context.createId('run');
    const sources = [source.id];
    const at = NOW - HOUR / 8;
    await store().events.applyEvents(
      DEFAULT_TENANT,
      source.host,
      'epoch-of-forgets',
      [
        {
          type: 'run.created' as const,
          run,
          at,
          kind: 'forget' as const,
          trigger: 'schedule' as const,
          plan: plan.id,
          repository: plan.repository,
          sources,
        },
        { type: 'run.started' as const, run, at },
        { type: 'snapshots.removed' as const, run, at, source: source.id, snapshots: [{ engineId, why: 'no rule keeps it' }] },
      ].map((event, index) => ({ seq: index + 1, event })),
      NOW,
    );
    const page = readWords(await world.read(`/snapshots/${id}`));
    assert.match(page, /Retention removed this snapshot from the repository on 2026-11-20 .*: no rule keeps it\./);
    assert.doesNotMatch(page, /Pin /);
    const refused = await world.ask('post', `/snapshots/${id}/pin`, { form: { pinned: 'true' } });
    assert.ok(refused.kind === 'redirect' && refused.flash?.tone === 'bad');
    assert.ok(!(await world.read('/snapshots')).includes(id));
    assert.ok((await world.read('/snapshots?state=removed')).includes(id));
  });
});
