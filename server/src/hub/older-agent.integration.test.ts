import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { PlanId, RepositoryId, RunId, SourceId } from '@holdfast/shared/domain/ids.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { AGENT_CAPABILITIES } from '@holdfast/shared/protocol/capabilities.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import { readRecordedFrames } from '@holdfast/shared/protocol/fixtures/recorded-frames.ts';
import type { AgentFrames } from '@holdfast/shared/protocol/messages.ts';
import { PROTOCOL_OLDEST } from '@holdfast/shared/protocol/version.ts';
import { startDrill } from '../core/drills/drills.ts';
import { createPlan } from '../core/plans/plans.ts';
import { lookAtLocks } from '../core/repositories/locks.ts';
import { startCheck, startPrune } from '../core/repositories/maintenance.ts';
import { createRepository, testRepository } from '../core/repositories/repositories.ts';
import { lookAtContents } from '../core/repositories/repository-contents.ts';
import { startRestore } from '../core/restores/restores.ts';
import { cancelRun, startPlan } from '../core/runs/runs.ts';
import { startVerify } from '../core/snapshots/snapshot-orders.ts';
import { createSource } from '../core/sources/sources.ts';
import { type HubRig, type Line, type PlayedAgent, startHubRig } from './fixtures/hub-rig.ts';

type Bodies = { readonly v: number; readonly type: string; readonly body: Record<string, unknown> };

const recorded = new Map(
  readRecordedFrames(PROTOCOL_OLDEST).map(({ name, bytes }) => [name, JSON.parse(new TextDecoder().decode(bytes)) as Bodies]),
);

function getBody<T extends keyof AgentFrames>(name: string): AgentFrames[T] {
  return (recorded.get(name) ?? assert.fail(`no recorded frame ${name}`)).body as AgentFrames[T];
}

/** The fields that a request had when the first agents learnt to read it. */
const fieldsOf = (name: string) => Object.keys(recorded.get(name)?.body ?? {});

interface Things {
  source: SourceId;
  repository: RepositoryId;
  plan: PlanId;
}

/** The events of a recorded run as of this run of these things, in the order of their recording. */
function retell(run: RunId, { source, repository, plan }: Things): DurableEvent[] {
  const names = [
    'run-created',
    'run-started',
    'run-stage',
    'run-log',
    'snapshot-made',
    'part-finished',
    'run-finalizing',
    'run-finished',
  ];
  const bodies = names.map((name) => getBody<'events'>(`agent-events-${name}`));
  const text = JSON.stringify(bodies.flatMap(({ events }) => events.map(({ event }) => event)))
    .replaceAll(/run_01kp7q2v5c[0-9a-z]+/gu, run)
    .replaceAll(/src_01kp7q2v5c[0-9a-z]+/gu, source)
    .replaceAll(/repo_01kp7q2v5c[0-9a-z]+/gu, repository)
    .replaceAll(/plan_01kp7q2v5c[0-9a-z]+/gu, plan);
  return (JSON.parse(text) as DurableEvent[]).map((event) =>
    event.type === 'run.created' ? { ...event, sources: [source] } : event,
  );
}

async function openThings({ context, admin }: HubRig, agent: PlayedAgent): Promise<Things> {
  const config = { host: '127.0.0.1', port: 5432, database: 'shop', user: 'backup' };
  const secrets = { password: 'a long password' };
  const source = await createSource(context, admin, { host: agent.id, name: 'shop', kind: 'postgres', config, secrets });
  const repository = await createRepository(context, admin, {
    name: 'local',
    kind: 'local',
    config: { path: '/var/backups' },
    secrets,
  });
  const plan = await createPlan(context, admin, { name: 'nightly', repository: repository.id, sources: [source.id] });
  return { source: source.id, repository: repository.id, plan: plan.id };
}

/** Says hello as the first agents did: nothing in it that they did not know. */
async function greetAsOfOld(rig: HubRig, agent: PlayedAgent): Promise<Line> {
  const line = rig.dial(agent);
  const { facts, tools, protocol } = getBody<'hello'>('agent-hello');
  assert.equal(facts.capabilities, undefined);
  const welcome = await line.greet({ facts, tools, protocol });
  assert.equal(welcome.body.version, PROTOCOL_OLDEST);
  return line;
}

async function openSession(t: TestContext): Promise<{ rig: HubRig; agent: PlayedAgent; line: Line; things: Things }> {
  const rig = await startHubRig(t);
  const agent = await rig.enrol('db-1');
  const things = await openThings(rig, agent);
  const line = await greetAsOfOld(rig, agent);
  const takeSpec = async () => {
    const put = await line.take('spec.put');
    line.send('reply', { result: { version: put.body.version } }, put.id);
  };
  await takeSpec();
  const asked = testRepository(rig.context, rig.admin, { host: agent.id, repository: things.repository });
  line.send('reply', getBody<'reply'>('agent-reply-repository-test'), (await line.take('repository.test')).id);
  assert.equal((await asked).state, 'ready');
  // The repository is pinned from now on, which is in the spec.
  await takeSpec();
  return { rig, agent, line, things };
}

test('An agent of the first days backs up by order and by schedule, restores and is cancelled, as it ever did', async (t) => {
  const { rig, agent, line, things } = await openSession(t);
  const { context, admin } = rig;
  const { store } = context;
  line.send('inventory', getBody<'inventory'>('agent-inventory'));
  line.send('heartbeat', getBody<'heartbeat'>('agent-heartbeat'));

  const { runs } = await startPlan(context, admin, things.plan);
  const ordered = runs[0]?.id ?? assert.fail('no run was ordered');
  const order = await line.take('run.start');
  for (const field of fieldsOf('server-run-start').filter((one) => one !== 'sources')) assert.ok(field in order.body, field);
  line.send('reply', { result: { run: ordered } }, order.id);
  line.send('progress', { ...getBody<'progress'>('agent-progress'), run: ordered });
  const scheduled = context.createId('run');
  const byHand = retell(ordered, things).map((event) =>
    event.type === 'run.created' ? { ...event, trigger: 'manual' as const, requestedBy: 'ada', fireAt: undefined } : event,
  );
  const events = [...byHand, ...retell(scheduled, things).map(renameSnapshot)];
  line.sendEvents(1, events);
  await rig.until('everything is acknowledged', async () => (await line.take('ack')).body.through === events.length);
  for (const [id, trigger] of [
    [ordered, 'manual'],
    [scheduled, 'schedule'],
  ] as const) {
    const run = await store.runs.findRun(admin.tenant, id);
    assert.deepEqual([run?.state, run?.trigger, run?.failure?.reason], ['partial', trigger, 'files_unreadable']);
    const lines = await store.logs.readLog(admin.tenant, id, { after: 0, limit: 10 });
    assert.deepEqual(
      lines.map(({ n, level }) => [n, level]),
      [
        [1, 'info'],
        [2, 'warn'],
      ],
    );
  }

  const made = byHand.flatMap((event) => (event.type === 'snapshot.made' ? [event.snapshot] : []));
  const restore = await startRestore(context, admin, {
    snapshot: made[0]?.id ?? assert.fail(),
    host: agent.id,
    target: { kind: 'database', source: things.source, database: 'shop_restored' },
  });
  const restoring = await line.take('restore.start');
  for (const field of fieldsOf('server-restore-start')) assert.ok(field in restoring.body, field);
  line.send('reply', { result: { run: restore.id } }, restoring.id);
  const cancelling = cancelRun(context, admin, restore.id);
  line.send('reply', getBody<'reply'>('agent-reply-run-cancel'), (await line.take('run.cancel')).id);
  await cancelling;
  assert.deepEqual(
    line.listWaiting().filter((type) => type === 'error' || type === 'goodbye'),
    [],
  );
});

/** Of a second run: what it made is another snapshot. */
function renameSnapshot(event: DurableEvent): DurableEvent {
  if (event.type !== 'snapshot.made') return event;
  const { id, engineId } = event.snapshot;
  const other = { id: id.replace(/.$/u, '1') as typeof id, engineId: engineId.replaceAll('5', '6') };
  return { ...event, snapshot: { ...event.snapshot, ...other } };
}

/** As if every file could have been read. */
function endWell(event: DurableEvent): DurableEvent {
  if (event.type === 'run.finished') return { ...event, state: 'succeeded', failure: undefined };
  if (event.type !== 'part.finished') return event;
  return { ...event, part: { ...event.part, state: 'succeeded', failure: undefined, warnings: [] } };
}

test('An agent of the first days is asked for nothing that it cannot do, and a person is told why', async (t) => {
  const { rig, agent, line, things } = await openSession(t);
  const { context, admin } = rig;
  const run = context.createId('run');
  const events = retell(run, things).map(endWell);
  line.sendEvents(1, events);
  await rig.until('everything is acknowledged', async () => (await line.take('ack')).body.through === events.length);
  const snapshot = events.flatMap((event) => (event.type === 'snapshot.made' ? [event.snapshot.id] : []))[0] ?? assert.fail();
  const host = agent.id;
  const { repository, source } = things;
  const wishes: Readonly<Record<string, () => Promise<unknown>>> = {
    'check.start': () => startCheck(context, admin, repository, { host, scope: { kind: 'structure' } }),
    'prune.start': () => startPrune(context, admin, repository, { host, understood: true }),
    'drill.start': () => startDrill(context, admin, { source, snapshot }),
    'verify.start': () => startVerify(context, admin, { snapshots: [snapshot] }),
    'locks.list': () => lookAtLocks(context, admin, { repository, host }),
    'repository.contents': () => lookAtContents(context, admin, { repository, host }),
  };
  for (const [request, wish] of Object.entries(wishes)) {
    assert.ok((AGENT_CAPABILITIES as readonly string[]).includes(request), `${request} is a capability`);
    await assert.rejects(wish(), (error) => {
      assert.ok(error instanceof AppError, request);
      assert.match(error.message, /too old|older|newer/u, request);
      return true;
    });
  }
  assert.deepEqual(
    line.listWaiting().filter((type) => type !== 'ack'),
    [],
    'none of it was asked',
  );
});
