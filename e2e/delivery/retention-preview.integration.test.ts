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
import type { RunId, SnapshotId, SourceId } from '@holdfast/shared/domain/ids.ts';
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
  seq: number;
}

let made = 0;

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
  const numbered = events.map((event) => {
    world.seq += 1;
    return { seq: world.seq, event };
  });
  await applyHostEvents(rig.context, { id: rig.host.id, tenant: rig.admin.tenant }, 'epoch-of-the-history', numbered);
  for (const snapshot of pins) await pinSnapshot(rig.context, rig.admin, snapshot);
}

/** What the host would remove, by its journal and the spec it holds; sources that have snapshots, in a fixed order. */
async function askHost({ rig, journal, plan }: World) {
  const { context, admin, host } = rig;
  const issued = await buildSpec(context, admin.tenant, host.id);
  const spec = specSchema.parse(verifyDocument(context.crypto, context.identity.publicKey, 'spec', issued));
  const told = spec.plans.find(({ id }) => id === plan.id) ?? assert.fail('the host does not have the plan');
  // All that the host's look needs of its workbench.
  const bench = { journal, clock: rig.clock } satisfies Pick<Workbench, 'journal' | 'clock'> as unknown as Workbench;
  return lookAtRetention(bench, told)
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

async function askServer({ rig, plan }: World) {
  const { sources } = await previewRetention(rig.context, rig.viewer, plan.id);
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
    const seen = { removed: 0, frozen: 0, stale: 0, asked: 0, pinned: 0 };
    let seq = 0;
    const zones = fc.constantFrom('UTC', 'Europe/Berlin', 'America/New_York');
    const histories = fc.array(runArbitrary, { minLength: 3, maxLength: 25 });
    const idleDays = fc.constantFrom(0, 0, 3);
    await fc.assert(
      fc.asyncProperty(policyArbitrary, zones, histories, idleDays, async (rules, zone, history, idle) => {
        made += 1;
        const { id: retentionPolicy } = await createPolicy(rig.context, rig.admin, { name: `policy ${made}`, policy: rules });
        const first = await rig.addDatabase(rig.host, `first ${made}`);
        const second = await rig.addDatabase(rig.host, `second ${made}`);
        const plan = await createPlan(rig.context, rig.admin, {
          name: `plan ${made}`,
          repository: rig.repository.id,
          sources: [first.id, second.id],
          schedule: { cron: '0 2 * * *', zone },
          retentionPolicy,
        });
        const world: World = { rig, journal, plan, seq };
        for (const run of history) await tellRun(world, run);
        rig.clock.advance(idle * 24 * HOUR);
        seq = world.seq;
        const [server, host] = [await askServer(world), await askHost(world)];
        assert.deepEqual(server, host);
        seen.pinned += (await rig.context.store.snapshots.listPinned(rig.admin.tenant, rig.host.id, [plan.id])).length;
        // A spec has room for some plans only.
        await deletePlan(rig.context, rig.admin, plan.id);
        for (const { id } of [first, second]) await deleteSource(rig.context, rig.admin, id);
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
