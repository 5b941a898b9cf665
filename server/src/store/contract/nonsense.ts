import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RunId, SourceId } from '@holdfast/shared/domain/ids.ts';
import { isTerminal, RUN_KINDS, STAGES, TERMINAL_STATES, TRIGGERS } from '@holdfast/shared/domain/run.ts';
import { ANY_CHARACTER } from '@holdfast/shared/fixtures/any-character.ts';
import { type DurableEvent, durableEventSchema } from '@holdfast/shared/protocol/events.ts';
import fc from 'fast-check';
import { addHost, backUp, readLedger } from './reports.ts';
import { type OpenStore, sampleId, sequence, TENANT, withStore } from './samples.ts';

/** Well-formed events about a few runs and sources, in any order and with any content: what a hostile agent may send. */
function nonsenseArbitrary(runs: readonly RunId[], sources: readonly SourceId[]): fc.Arbitrary<DurableEvent> {
  const run = fc.constantFrom(...runs);
  const source = fc.constantFrom(...sources);
  const at = fc.maxSafeNat();
  const state = fc.constantFrom(...TERMINAL_STATES);
  const text = fc.string({ unit: ANY_CHARACTER, maxLength: 40 });
  const snapshotIds = [sampleId('snapshot'), sampleId('snapshot')];
  const repositories = [sampleId('repository'), sampleId('repository')];
  const engineId = fc.constantFrom('a'.repeat(64), 'b'.repeat(64));
  const repository = fc.constantFrom(...repositories);
  const line = fc.record({
    n: fc.integer({ min: 1, max: 50 }),
    at,
    level: fc.constantFrom('info' as const, 'error' as const),
    text,
  });
  const part = fc.record({ source, state, warnings: fc.array(text, { maxLength: 2 }), bytes: at, durationMs: at });
  const snapshot = fc.record({
    id: fc.constantFrom(...snapshotIds),
    engineId,
    source,
    role: fc.constantFrom('data' as const, 'globals' as const),
    createdAt: at,
    sizeBytes: at,
    evidence: fc.constant([]),
  });
  const of = <T extends DurableEvent['type']>(type: T) => fc.constant(type);
  return fc
    .oneof(
      fc.record({
        type: of('run.created'),
        run,
        at,
        kind: fc.constantFrom(...RUN_KINDS),
        trigger: fc.constantFrom(...TRIGGERS),
        repository,
        sources: fc.array(source, { maxLength: 4 }),
        requestedBy: text,
      }),
      fc.record({ type: of('run.started'), run, at }),
      fc.record({ type: of('run.finalizing'), run, at }),
      fc.record({
        type: of('run.stage'),
        run,
        at,
        source,
        stage: fc.constantFrom(...STAGES),
        ended: fc.boolean(),
        ok: fc.boolean(),
      }),
      fc.record({ type: of('run.log'), run, at, lines: fc.array(line, { minLength: 1, maxLength: 5 }) }),
      fc.record({ type: of('snapshot.made'), run, at, snapshot }),
      fc.record({
        type: of('snapshots.removed'),
        run,
        at,
        source,
        snapshots: fc.array(fc.record({ engineId, why: text }), { minLength: 1, maxLength: 3 }),
      }),
      fc.record({ type: of('part.finished'), run, at, part }),
      fc.record({ type: of('run.finished'), run, at, state, evidence: fc.constant([]), bytes: at, logLines: at, durationMs: at }),
      fc.record({ type: of('repository.reconciled'), at, repository, orphans: fc.array(text), missing: fc.array(engineId) }),
      fc.record({ type: of('host.notice'), at, level: fc.constantFrom('info' as const, 'error' as const), text }),
    )
    .map((event) => durableEventSchema.parse(event));
}

export function checkNonsense(open: OpenStore): void {
  describe('hostile reports', () => {
    it(
      'never stop the stream, never touch another host, never change a run that ended, and stay readable',
      withStore(open, async (store) => {
        const victim = await addHost(store);
        const stolen = await backUp(store, victim.host, { sources: [victim.source] });
        const before = await readLedger(store, victim.host);
        const liar = await addHost(store);
        const unknown = sampleId('source');
        let seq = 1;
        const frame = fc.constant(undefined).chain(() => {
          const runs = [stolen.run, sampleId('run'), sampleId('run')];
          return fc.array(nonsenseArbitrary(runs, [victim.source, liar.source, unknown]), { minLength: 1, maxLength: 25 });
        });
        await fc.assert(
          fc.asyncProperty(frame, async (events) => {
            const ended = (await readLedger(store, liar.host)).runs.filter((run) => isTerminal(run.state));
            const applied = await store.events.applyEvents(TENANT, liar.host.id, 'epoch-nonsense', sequence(events, seq), seq);
            seq += events.length;
            assert.equal(applied.through, seq - 1);
            for (const run of ended) {
              const now = await store.runs.findRun(TENANT, run.id);
              assert.deepEqual({ ...now, logLines: 0 }, { ...run, logLines: 0 });
            }
            assert.deepEqual(await readLedger(store, victim.host), before);
          }),
          { numRuns: 60 },
        );
        const ledger = await readLedger(store, liar.host);
        assert.ok(ledger.runs.length > 5);
        assert.ok(
          ledger.parts.every(
            (part) => part.source !== victim.source || ledger.runs.some((run) => run.id === part.run && run.kind === 'restore'),
          ),
        );
        assert.ok(ledger.snapshots.every((snapshot) => snapshot.source !== victim.source));
      }),
    );
  });
}
