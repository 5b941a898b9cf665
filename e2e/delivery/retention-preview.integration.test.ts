/**
 * What the server's page says that a plan's retention will do, and what the host then decides by its own journal, are the same set.
 * Random histories are told to both sides; the host gets policy, zone and pins by the spec that the server signs.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { type Journal, openJournal } from '@holdfast/agent/journal/journal.ts';
import type { LedgerState } from '@holdfast/agent/journal/snapshot-ledger.ts';
import { type EndedPart, summariseParts } from '@holdfast/agent/runs/attempts/part.ts';
import { lookAtRetention } from '@holdfast/agent/runs/upkeep/execute-forget.ts';
import type { Workbench } from '@holdfast/agent/runs/workbench.ts';
import { type CatalogRig, openCatalogRig } from '@holdfast/server/core/fixtures/catalog-rig.ts';
import { buildSpec } from '@holdfast/server/core/hosts/spec.ts';
import { applyHostEvents } from '@holdfast/server/core/ingest.ts';
import { createPlan, deletePlan } from '@holdfast/server/core/plans/plans.ts';
import { createPolicy } from '@holdfast/server/core/retention/retention-policies.ts';
import { previewRetention } from '@holdfast/server/core/retention/retention-preview.ts';
import { pinSnapshot } from '@holdfast/server/core/snapshots/pins.ts';
import { deleteSource } from '@holdfast/server/core/sources/sources.ts';
import type { Plan } from '@holdfast/server/store/plans.ts';
import { systemRandomBytes } from '@holdfast/shared/clock.ts';
import { verifyDocument } from '@holdfast/shared/crypto/envelope.ts';
import type { RepositoryId, RunId, SnapshotId, SourceId } from '@holdfast/shared/domain/ids.ts';
import { specSchema } from '@holdfast/shared/domain/plan.ts';
import { retentionRulesSchema } from '@holdfast/shared/domain/retention-policy.ts';
import type { TerminalState } from '@holdfast/shared/domain/run.ts';
import { findSuspicion, SIZE_HISTORY } from '@holdfast/shared/domain/suspicion.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import fc from 'fast-check';

const HOUR = 3_600_000;
const LEDGER_STATES: Partial<Record<TerminalState, LedgerState>> = { succeeded: 'vouched', partial: 'partial' };

const partArbitrary = fc.record({
  state: fc.constantFrom<TerminalState>('succeeded', 'succeeded', 'succeeded', 'succeeded', 'partial', 'failed'),
  /** Some fall far below what is usual. */
  sizeBytes: fc.constantFrom(1_000_000, 1_100_000, 1_200_000, 100_000),
  hasRoles: fc.boolean(),
  isPinned: fc.integer({ min: 0, max: 9 }).map((number) => number === 0),
});
const runArbitrary = fc.record({
  afterHours: fc.integer({ min: 1, max: 60 }),
  isSkipped: fc.integer({ min: 0, max: 9 }).map((number) => number === 0),
  /** How the copy into the second repository ends that follows; none: none does. */
  copy: fc.constantFrom<TerminalState | undefined>('succeeded', 'succeeded', 'succeeded', 'partial', 'skipped', undefined),
  parts: fc.array(partArbitrary, { minLength: 1, maxLength: 2 }),
});
type History = readonly (typeof runArbitrary extends fc.Arbitrary<infer T> ? T : never)[];
const policyArbitrary = fc
  .record({
    kind: fc.constant('rules' as const),
    last: fc.integer({ min: 0, max: 4 }),
    hourly: fc.integer({ min: 0, max: 3 }),
    daily: fc.integer({ min: 0, max: 5 }),
    weekly: fc.integer({ min: 0, max: 3 }),
    monthly: fc.integer({ min: 0, max: 2 }),
    withinHours: fc.constantFrom(0, 0, 30),
    minAgeHours: fc.constantFrom(0, 0, 12),
    maxAgeDays: fc.constantFrom(0, 0, 20),
    maxTotalBytes: fc.constantFrom(0, 0, 9_000_000),
  })
  .filter((rules) => retentionRulesSchema.safeParse(rules).success)
  .map((rules) => retentionRulesSchema.parse(rules));

interface World {
  rig: CatalogRig;
  journal: Journal;
  plan: Plan;
  /** Where the copies are. */
  second: RepositoryId;
  seq: number;
}

let made = 0;

async function tellServer(world: World, events: readonly DurableEvent[]): Promise<void> {
  const { rig } = world;
  const numbered = events.map((event) => {
    world.seq += 1;
    return { seq: world.seq, event };
  });
  await applyHostEvents(rig.context, { id: rig.host.id, tenant: rig.admin.tenant }, 'epoch-of-the-history', numbered);
}

/** Tells both sides of a copy that has ended: of all that the second repository lacks, or of nothing. */
async function tellCopy(world: World, state: TerminalState): Promise<void> {
  const { rig, journal, plan, second } = world;
  const at = rig.clock.now();
  made += 1;
  const run = `run_made_${made}` as RunId;
  const ofPlan = journal.snapshots.listByPlan(plan.id);
  const known = new Set(
    ofPlan.flatMap((one) => (one.repository === second ? [`${one.run} ${one.source} ${one.facts.role}`] : [])),
  );
  const due = ofPlan.filter(
    (one) =>
      state !== 'skipped' &&
      one.repository === plan.repository &&
      (one.state === 'vouched' || one.state === 'partial') &&
      !known.has(`${one.run} ${one.source} ${one.facts.role}`),
  );
  // What they were is nothing to retention, so long as there are some.
  const snapshots = [...due, ...ofPlan].slice(0, 1).map(({ engineId, snapshot: id, run: of, source, facts }) => {
    const { role, createdAt, sizeBytes } = facts;
    return { id, engineId, source, role, createdAt, sizeBytes, run: of, plan: plan.id };
  });
  const body = { kind: 'copy', plan: plan.id, from: plan.repository, repository: second, snapshots, started: true, state };
  journal.runs.record({ run, kind: 'copy', plan: plan.id, body });
  journal.runs.close(run);
  const events: DurableEvent[] = [
    {
      ...{ type: 'run.created', run, at, kind: 'copy', trigger: 'follow_up', plan: plan.id },
      ...{ repository: second, from: plan.repository, sources: [] },
    },
    ...(state === 'skipped' ? [] : [{ type: 'run.started' as const, run, at }]),
  ];
  for (const { snapshot: of, engineId: original, facts, ...one } of due) {
    made += 1;
    const snapshot = `snap_made_${made}` as SnapshotId;
    const engineId = made.toString(16).padStart(64, '0');
    journal.snapshots.record({
      repository: second,
      engineId,
      snapshot,
      run: one.run,
      source: one.source,
      state: one.state,
      facts,
    });
    journal.snapshots.copySuspicion(plan.repository, original, second, engineId);
    const { role, createdAt, sizeBytes } = facts;
    const copy = { id: snapshot, engineId, source: one.source, role, createdAt, sizeBytes, evidence: [] };
    events.push({ type: 'snapshot.copied', run, at, of, snapshot: copy });
  }
  await tellServer(world, [
    ...events,
    { type: 'run.finished', run, at, state, evidence: [], bytes: 1, logLines: 0, durationMs: 1 },
  ]);
}

/** Tells both sides of a run that has ended. */
async function tellRun(world: World, run: History[number]): Promise<void> {
  const { rig, journal, plan } = world;
  rig.clock.advance(run.afterHours * HOUR);
  const at = rig.clock.now();
  made += 1;
  const id = `run_made_${made}` as RunId;
  const sources = run.parts.map((_, index) => plan.sources[index] as SourceId);
  const body = {
    kind: 'backup',
    plan: plan.id,
    repository: plan.repository,
    sources,
    trigger: 'schedule',
    overlapping: [],
    started: true,
    attempt: 1,
  };
  journal.runs.record({ run: id, kind: 'backup', plan: plan.id, body: { ...body, ended: [] } });
  const common = { run: id, at };
  const events: DurableEvent[] = [
    { type: 'run.created', ...common, kind: 'backup', trigger: 'schedule', plan: plan.id, repository: plan.repository, sources },
    // What only stands aside never begins.
    ...(run.isSkipped ? [] : [{ type: 'run.started' as const, ...common }]),
  ];
  const ended: EndedPart[] = [];
  const pins: SnapshotId[] = [];
  for (const [index, part] of run.parts.entries()) {
    const source = sources[index] as SourceId;
    const state = run.isSkipped ? 'skipped' : part.state;
    const roles = part.hasRoles ? (['data', 'globals'] as const) : (['data'] as const);
    const earlier = state === 'succeeded' ? journal.snapshots.listGoodSizes(plan.id, source, SIZE_HISTORY.looked) : [];
    for (const role of run.isSkipped ? [] : roles) {
      made += 1;
      const snapshot = `snap_made_${made}` as SnapshotId;
      const engineId = made.toString(16).padStart(64, '0');
      const facts = { plan: plan.id, role, createdAt: at, sizeBytes: part.sizeBytes };
      const ledgerState = LEDGER_STATES[state] ?? 'unvouched';
      journal.snapshots.record({ repository: plan.repository, engineId, snapshot, run: id, source, state: ledgerState, facts });
      if (role === 'data' && findSuspicion(part.sizeBytes, earlier)) journal.snapshots.markSuspicious(plan.repository, engineId);
      events.push({
        type: 'snapshot.made',
        ...common,
        snapshot: { id: snapshot, engineId, source, role, createdAt: at, sizeBytes: part.sizeBytes, evidence: [] },
      });
      if (part.isPinned && role === 'data') pins.push(snapshot);
    }
    ended.push({ source, state });
    events.push({
      type: 'part.finished',
      ...common,
      part: { source, state, warnings: [], bytes: part.sizeBytes, durationMs: 1 },
    });
  }
  const { state } = summariseParts(ended);
  events.push({ type: 'run.finished', ...common, state, evidence: [], bytes: 1, logLines: 0, durationMs: 1 });
  journal.runs.revise(id, { ...body, ended });
  journal.runs.close(id);
  await tellServer(world, events);
  for (const snapshot of pins) await pinSnapshot(rig.context, rig.admin, snapshot);
}

/** What the host would remove, by its journal and the spec it holds; sources that have snapshots, in a fixed order. */
async function askHost({ rig, journal, plan }: World, repository: RepositoryId) {
  const { context, admin, host } = rig;
  const issued = await buildSpec(context, admin.tenant, host.id);
  const spec = specSchema.parse(verifyDocument(context.crypto, context.identity.publicKey, 'spec', issued));
  const told = spec.plans.find(({ id }) => id === plan.id) ?? assert.fail('the host does not have the plan');
  // All that the host's look needs of its workbench.
  const bench = { journal, clock: rig.clock } satisfies Pick<Workbench, 'journal' | 'clock'> as unknown as Workbench;
  return lookAtRetention(bench, told, repository)
    .map(({ source, removals, plan: { frozen, needsPerson, removed, decisions } }) => ({
      source,
      removals: removals.map(({ engineId }) => engineId).sort(),
      frozen,
      needsPerson,
      removed,
      kept: decisions.length - removed,
    }))
    .sort((a, b) => (a.source < b.source ? -1 : 1));
}

async function askServer({ rig, plan }: World, repository: RepositoryId) {
  const { sources } = await previewRetention(rig.context, rig.viewer, plan.id, repository);
  return sources
    .map(({ source, backups, frozen, needsPerson, removed, kept }) => ({
      source,
      removals: backups.flatMap(({ decision, engineIds }) => (decision.verdict === 'remove' ? engineIds : [])).sort(),
      frozen,
      needsPerson,
      removed,
      kept,
    }))
    .sort((a, b) => (a.source < b.source ? -1 : 1));
}

async function openPrivateJournal(t: TestContext, rig: CatalogRig): Promise<Journal> {
  const stateDir = await mkdtemp(join(tmpdir(), 'holdfast-preview-'));
  const journal = openJournal({ stateDir, clock: rig.clock, randomBytes: systemRandomBytes, ballastBytes: 0 });
  t.after(async () => {
    journal.close();
    await rm(stateDir, { recursive: true, force: true });
  });
  return journal;
}

describe('What a plan’s page says of its retention', () => {
  it('is what its host decides by itself, set for set, over random histories', { timeout: 300_000 }, async (t) => {
    const rig = await openCatalogRig(t);
    const journal = await openPrivateJournal(t, rig);
    const { id: second } = await rig.addRepository('second');
    const seen = { removed: 0, frozen: 0, stale: 0, asked: 0, pinned: 0, copiesRemoved: 0, copiesStuck: 0 };
    let seq = 0;
    const zones = fc.constantFrom('UTC', 'Europe/Berlin', 'America/New_York');
    const histories = fc.array(runArbitrary, { minLength: 3, maxLength: 25 });
    const idleDays = fc.constantFrom(0, 0, 3);
    await fc.assert(
      fc.asyncProperty(policyArbitrary, zones, histories, idleDays, async (rules, zone, history, idle) => {
        made += 1;
        const { id: retentionPolicy } = await createPolicy(rig.context, rig.admin, { name: `policy ${made}`, policy: rules });
        const shop = await rig.addDatabase(rig.host, `shop ${made}`);
        const mail = await rig.addDatabase(rig.host, `mail ${made}`);
        const plan = await createPlan(rig.context, rig.admin, {
          name: `plan ${made}`,
          repository: rig.repository.id,
          sources: [shop.id, mail.id],
          schedule: { cron: '0 2 * * *', zone },
          retentionPolicy,
          copyRepository: second,
          copyPolicy: retentionPolicy,
        });
        const world: World = { rig, journal, plan, second, seq };
        for (const run of history) {
          await tellRun(world, run);
          if (run.copy !== undefined) await tellCopy(world, run.copy);
        }
        rig.clock.advance(idle * 24 * HOUR);
        seq = world.seq;
        const server = await askServer(world, plan.repository);
        assert.deepEqual(server, await askHost(world, plan.repository));
        const copies = await askServer(world, second);
        assert.deepEqual(copies, await askHost(world, second), 'of copies as well');
        for (const { removed, frozen } of copies) {
          seen.copiesRemoved += removed;
          seen.copiesStuck += frozen === 'newest_copy_not_clean' ? 1 : 0;
        }
        seen.pinned += (await rig.context.store.snapshots.listPinned(rig.admin.tenant, rig.host.id, [plan.id])).length;
        // A spec has room for some plans only.
        await deletePlan(rig.context, rig.admin, plan.id);
        for (const { id } of [shop, mail]) await deleteSource(rig.context, rig.admin, id);
        for (const { removed, frozen, needsPerson } of server) {
          seen.removed += removed;
          seen.frozen += frozen === undefined ? 0 : 1;
          seen.stale += frozen === 'newest_too_old' ? 1 : 0;
          seen.asked += needsPerson ? 1 : 0;
        }
      }),
      { numRuns: 30, seed: 11 },
    );
    for (const [what, count] of Object.entries(seen)) assert.ok(count > 0, `no history had anything ${what}`);
  });
});
