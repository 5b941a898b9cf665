import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { createFixedClock, systemRandomBytes } from '@holdfast/shared/clock.ts';
import type { PlanId, RepositoryId, RunId, SnapshotId, SourceId } from '@holdfast/shared/domain/ids.ts';
import { openJournal } from './journal.ts';
import type { LedgerSnapshot, SnapshotFacts } from './snapshot-ledger.ts';

const START = Date.parse('2027-01-01T00:00:00Z');
const plan = 'plan_a' as PlanId;
const repository = 'repo_a' as RepositoryId;
const source = 'src_a' as SourceId;
const run = 'run_a' as RunId;

function open(t: TestContext) {
  const stateDir = mkdtempSync(join(tmpdir(), 'holdfast-ledger-'));
  const clock = createFixedClock(START);
  const journal = openJournal({ stateDir, clock, randomBytes: systemRandomBytes, ballastBytes: 1 });
  t.after(() => {
    journal.close();
    rmSync(stateDir, { recursive: true });
  });
  return { journal, ledger: journal.snapshots, clock };
}

const made = (engineId: string, facts?: Partial<SnapshotFacts>): LedgerSnapshot => ({
  repository,
  engineId,
  snapshot: `snap_${engineId}` as SnapshotId,
  run,
  source,
  state: 'vouched',
  ...(facts ? { facts: { plan, role: 'data', createdAt: START, sizeBytes: 100, ...facts } } : {}),
});

describe('The ledger of snapshots', () => {
  it('gives back what it was given, whether or not it knows what retention goes by', (t) => {
    const { ledger } = open(t);
    const all = [made('e1'), made('e2', { addedBytes: 7 }), made('e3', { addedBytes: undefined })];
    for (const one of all) ledger.record(one);
    assert.deepEqual(
      all.map(({ engineId }) => ledger.find(repository, engineId)),
      all,
    );
    assert.equal(ledger.find(repository, 'e4'), undefined);
  });

  it('tells what backups of a source added to a repository, newest first, whatever became of them', (t) => {
    const { ledger } = open(t);
    ledger.record(made('first', { createdAt: START, addedBytes: 900 }));
    ledger.record({ ...made('gone', { createdAt: START + 2, addedBytes: 0 }), state: 'removed' });
    ledger.record(made('other plan', { createdAt: START + 3, addedBytes: 30, plan: 'plan_b' as PlanId }));
    ledger.record(made('roles', { createdAt: START + 4, addedBytes: 1, role: 'globals' }));
    ledger.record(made('silent', { createdAt: START + 5 }));
    ledger.record(made('unknown'));
    ledger.record({ ...made('elsewhere', { addedBytes: 2 }), repository: 'repo_b' as RepositoryId });
    ledger.record({ ...made('of another', { addedBytes: 3 }), source: 'src_b' as SourceId });
    assert.deepEqual(ledger.listAdded(repository, source, 5), [30, 0, 900]);
    assert.deepEqual(ledger.listAdded(repository, source, 1), [30]);
    assert.deepEqual(ledger.listAdded(repository, 'src_c' as SourceId, 5), []);
  });

  it('lists for retention what is there, newest first, with what is odd about it', (t) => {
    const { ledger } = open(t);
    ledger.record(made('unknown'));
    ledger.record(made('old', { createdAt: START - 2 }));
    ledger.record(made('new', { createdAt: START - 1, sizeBytes: 5 }));
    ledger.record({ ...made('begun', {}), state: 'made' });
    ledger.markSuspicious(repository, 'new');
    assert.deepEqual(
      ledger.listByPlan(plan).map(({ engineId, isSuspicious, facts }) => [engineId, isSuspicious, facts.sizeBytes]),
      [
        ['new', true, 5],
        ['old', false, 100],
      ],
    );
    assert.deepEqual(ledger.listGoodSizes(plan, source, 1), [5]);
    const elsewhere = 'repo_b' as RepositoryId;
    for (const [of, days, sizeBytes] of [
      ['new', 1, 5],
      ['old', 2, 100],
    ] as const) {
      ledger.record({ ...made(`copy of ${of}`, { createdAt: START - days, sizeBytes }), repository: elsewhere });
      ledger.copySuspicion(repository, of, elsewhere, `copy of ${of}`);
    }
    assert.deepEqual(ledger.listGoodSizes(plan, source, 9), [5, 100], 'a copy is no second backup');
    const copies = ledger.listByPlan(plan).filter((one) => one.repository === elsewhere);
    assert.deepEqual(
      copies.map(({ engineId, isSuspicious }) => [engineId, isSuspicious]),
      [
        ['copy of new', true],
        ['copy of old', false],
      ],
    );
  });

  it('remembers which run sets out to remove a snapshot, until it says that it does not', (t) => {
    const { ledger, clock } = open(t);
    ledger.record(made('e1', {}));
    ledger.markLeaving(repository, ['e1'], 'run_forget' as RunId);
    assert.equal(ledger.find(repository, 'e1')?.leaving, 'run_forget');
    ledger.markLeaving(repository, ['e1'], undefined);
    assert.deepEqual(ledger.find(repository, 'e1'), made('e1', { addedBytes: undefined }));
    ledger.setState(repository, 'e1', 'removed');
    ledger.purge(clock.now());
    assert.equal(ledger.find(repository, 'e1')?.state, 'removed');
    ledger.purge(clock.now() + 1);
    assert.equal(ledger.find(repository, 'e1'), undefined);
  });
});

describe('Closed runs', () => {
  it('are listed by plan and kind, newest first, as many as are asked for', (t) => {
    const { journal, clock } = open(t);
    for (const id of ['run_1', 'run_2', 'run_3'] as RunId[]) {
      clock.advance(1000);
      journal.runs.record({ run: id, kind: 'backup', plan, body: null });
      journal.runs.close(id);
    }
    journal.runs.record({ run: 'run_4' as RunId, kind: 'backup', plan, body: null });
    const list = (...of: Parameters<typeof journal.runs.listClosed>) => journal.runs.listClosed(...of).map((one) => one.run);
    assert.deepEqual(list(plan, 'backup', 2), ['run_3', 'run_2']);
    assert.deepEqual(list(plan, 'restore', 2), []);
    assert.deepEqual(list('plan_b' as PlanId, 'backup', 2), []);
  });

  it('leave nothing that has to be rewritten unless somebody owes it', (t) => {
    assert.equal(open(t).journal.rewriteIfOwed(), true);
  });
});
