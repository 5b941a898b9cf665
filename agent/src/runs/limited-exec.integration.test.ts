import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { getPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { it, type TestContext } from 'node:test';
import { retentionPolicySchema } from '@holdfast/shared/domain/retention-policy.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import { GENERATIONS } from '../engines/restic/fixtures/laboratory.ts';
import { createOrder, getMade, giveOrder } from '../handlers/fixtures/restore-orders.ts';
import { findEvent, openRunRig, PASSWORD, type RunRig, writeFolder } from './fixtures/run-rig.ts';

const MIB = 1024 * 1024;

/** The real restic, which also notes under which limits each of its commands was started. */
function writeNotingRestic(t: TestContext) {
  const dir = mkdtempSync(join(tmpdir(), 'holdfast-limits-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const notes = join(dir, 'notes');
  const binary = join(dir, 'restic');
  const script = `#!/bin/sh
line=$(printf '%s\\n' "$@" | grep -- '^--limit' | sort | tr '\\n' ' ')
echo "nice $(nice), $(ionice -p $$ | cut -d: -f1), memory $(awk '/^Max data size/ { print $4 }' /proc/$$/limits) $line" >> ${notes}
exec ${GENERATIONS[1]?.binary} "$@"
`;
  writeFileSync(binary, script);
  chmodSync(binary, 0o755);
  return {
    binary,
    /** What differs among those since the last call. */
    takeNotes() {
      const lines = readFileSync(notes, 'utf8').trim().split('\n');
      writeFileSync(notes, '');
      return [...new Set(lines.map((line) => line.trim()))];
    },
  };
}

/** A plan's script that notes its own niceness; every plan of the test has it. */
function writeNotingHook(rig: RunRig): { readNiceness(): string } {
  const [folder, told] = [join(rig.dir, 'hooks'), join(rig.dir, 'told')];
  mkdirSync(folder, { mode: 0o755 });
  writeFileSync(join(folder, 'note'), `#!/bin/sh\nnice > ${told}\n`);
  chmodSync(join(folder, 'note'), 0o755);
  return { readNiceness: () => readFileSync(told, 'utf8').trim() };
}

const listLines = (events: readonly DurableEvent[]) =>
  events.flatMap((event) => (event.type === 'run.log' ? event.lines.map(({ text }) => text) : []));

function orderMaintenance(rig: RunRig, kind: 'check' | 'prune') {
  const run = rig.workbench.createId('run');
  const { id, config } = rig.repository;
  const secrets = rig.seal('request', `${run}.repositories`, { password: PASSWORD });
  const repository = { id, draft: { kind: 'local', config, secrets } };
  const common = {
    run,
    repository,
    trigger: 'manual',
    requestedBy: 'ann',
    notAfter: rig.workbench.clock.now() + 60_000,
  } as const;
  const job =
    kind === 'check'
      ? ({ kind, order: { ...common, scope: { kind: 'structure' } } } as const)
      : ({ kind, order: { ...common, isAdmin: false, maxUnusedPercent: 0 } } as const);
  rig.executor.startMaintenance(job, rig.workbench.createId('frame'));
  return rig.awaitEnd(run);
}

it('puts the limits of the host on every tool of every run, with those of the plan besides', { timeout: 120_000 }, async (t) => {
  const restic = writeNotingRestic(t);
  const rig = await openRunRig(t, { restic: restic.binary });
  await rig.initRepository();
  const hook = writeNotingHook(rig);
  const source = rig.addFiles('letters', [writeFolder(join(rig.dir, 'letters'), { a: 'dear reader' })]);
  rig.setRetention(retentionPolicySchema.parse({ kind: 'rules', last: 2 }));
  for (const _earlier of [1, 2]) await rig.runPlan();
  const plain = getPriority();
  restic.takeNotes();

  rig.spec.limits = { nice: plain + 7, io: 'low', uploadKiBps: 90_000, memoryMiB: 4096 };
  const options = { hooks: { before: 'note' }, limits: { nice: plain + 3, uploadKiBps: 80_000, downloadKiBps: 70_000 } };
  const backup = await rig.awaitEnd(rig.order(undefined, options));
  assert.equal(findEvent(backup, 'run.finished').state, 'succeeded');
  const said = `limits of this host: niceness ${plain + 7}, disk low, upload 90000 KiB/s, memory of each tool 4096 MiB`;
  assert.ok(listLines(backup).includes(said), listLines(backup).join('\n'));
  assert.equal(hook.readNiceness(), String(plain), 'scripts may start services, which are not held back');
  const forgotten = await rig.awaitEvent((event) => event.type === 'run.created' && event.kind === 'forget');
  assert.ok('run' in forgotten && forgotten.run !== undefined);
  await rig.awaitEnd(forgotten.run);
  const memory = `memory ${4096 * MIB}`;
  const held = `nice ${plain + 7}, best-effort, ${memory}`;
  assert.deepEqual(restic.takeNotes(), [`${held} --limit-download=70000 --limit-upload=80000`]);

  for (const kind of ['check', 'prune'] as const) {
    assert.equal(findEvent(await orderMaintenance(rig, kind), 'run.finished').state, 'succeeded');
    assert.deepEqual(restic.takeNotes(), [`${held} --limit-upload=90000`], kind);
  }

  const order = createOrder(rig, source, getMade(backup), { directory: join(rig.dir, 'restored') });
  giveOrder(rig, { ...order, options: { downloadKiBps: 60_000 } });
  assert.equal(findEvent(await rig.awaitEnd(order.run), 'run.finished').state, 'succeeded');
  assert.deepEqual(restic.takeNotes(), [`${held} --limit-download=60000 --limit-upload=90000`]);

  delete rig.spec.limits;
  const free = await rig.awaitEnd(rig.order(undefined, {}));
  assert.equal(findEvent(free, 'run.finished').state, 'succeeded');
  assert.equal(
    listLines(free).some((line) => line.startsWith('limits of this host')),
    false,
  );
  assert.match(restic.takeNotes().join(), new RegExp(`^nice ${plain}, [^,]*, memory unlimited$`));
});
