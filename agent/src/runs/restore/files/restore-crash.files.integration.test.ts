import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock, systemRandomBytes } from '@holdfast/shared/clock.ts';
import { createId, type RunId } from '@holdfast/shared/domain/ids.ts';
import type { RestoreTarget } from '@holdfast/shared/protocol/events.ts';
import { GENERATIONS } from '../../../engines/restic/fixtures/laboratory.ts';
import { readEnd } from '../../../handlers/fixtures/restore-orders.ts';
import { type CrashRig, openCrashRig } from '../../fixtures/crash-rig.ts';
import { backUpOnce, describeOrder, hasEnded, journalRestore, killAtHolds } from '../fixtures/journaled-restores.ts';

const from = { clock: systemClock, randomBytes: systemRandomBytes };
const WAYS = ['directory', 'chosen', 'in_place', 'safety', 'archive', 'file'] as const;
const CASES = WAYS.flatMap((way) => (['before', 'after'] as const).map((at) => ({ way, at })));

/**
 * Stands for restic. Where it writes content, or stores what stands at the target, it waits for ever at a point that a file in `hold` names, and
 * leaves a file of that name in `reached`.
 */
function writeWrapper(rig: CrashRig, restic: string): void {
  const path = join(rig.toolDir, 'restic');
  writeFileSync(
    path,
    `#!/bin/sh
words="$*" stores=no
case " $* " in
  *" restore "*|*" dump "*) ;;
  *" backup "*)
    stores=yes
    for word in "$@"; do case "$word" in --files-from-raw=*) words="$words $(tr '\\0' ' ' <"\${word#*=}")" ;; esac; done ;;
  *) exec ${restic} "$@" ;;
esac
for hold in "${rig.dir}"/hold/*; do
  [ -e "$hold" ] || continue
  name=\${hold##*/} about=\${hold##*@}
  case "$name:$stores" in *-safety@*:yes) ;; *-safety@*|*:yes) continue ;; esac
  case "$words" in *"\${about%+*}"*|*"\${about#*+}"*) ;; *) continue ;; esac
  case "$name" in after-*) ${restic} "$@" ;; esac
  : > "${rig.dir}/reached/$name"
  exec sleep 300
done
exec ${restic} "$@"
`,
  );
  chmodSync(path, 0o755);
}

function targetOf(way: (typeof WAYS)[number], out: string, folder: string): RestoreTarget {
  switch (way) {
    case 'directory':
      return { kind: 'directory', path: out };
    case 'chosen':
      return { kind: 'directory', path: out, paths: [folder] };
    case 'in_place':
    case 'safety':
      return { kind: 'in_place', paths: [folder] };
    case 'archive':
      return { kind: 'archive', path: out, format: 'tar', from: folder };
    case 'file':
      return { kind: 'file', path: out, from: join(folder, 'letter') };
  }
}

test('An agent that is killed in any way of restoring files leaves what stood there, and nothing beside it', async (t) => {
  const binary = GENERATIONS[1]?.binary ?? '';
  const rig = await openCrashRig({
    restic: binary,
    concurrency: CASES.length,
    source: (dir) => ({ kind: 'files', config: { paths: [join(dir, 'tree')] } }),
  });
  t.after(() => rig.remove());
  const config = { paths: [join(rig.dir, 'tree')] };
  const folderOf = (index: number) => join(rig.dir, 'tree', `part-${String(index).padStart(2, '0')}`);
  for (const index of CASES.keys()) {
    mkdirSync(folderOf(index), { recursive: true });
    writeFileSync(join(folderOf(index), 'letter'), 'as it was backed up');
  }
  writeWrapper(rig, binary);
  const backup = await backUpOnce(rig);
  const { ledger } = backup;

  const held: { run: RunId; name: string; folder: string; out: string }[] = [];
  mkdirSync(join(rig.dir, 'out'));
  for (const [index, { way, at }] of CASES.entries()) {
    const run = createId('run', from);
    const [folder, out] = [folderOf(index), join(rig.dir, 'out', String(index))];
    writeFileSync(join(folder, 'letter'), 'written since');
    writeFileSync(join(rig.dir, 'hold', `${at}-${way}@${run}+part-${String(index).padStart(2, '0')}`), '');
    journalRestore(rig, {
      ...describeOrder(rig, run, backup),
      source: { id: ledger.source, kind: 'files', config },
      target: targetOf(way, out, folder),
    });
    held.push({ run, name: `${at} ${way}`, folder, out });
  }

  await killAtHolds(rig, held);
  for (const { run, name, folder, out } of held) {
    const { state, reason, message } = readEnd(rig.listEvents(run));
    assert.deepEqual([state, reason], ['failed', 'interrupted'], `${name}: ${message}`);
    // A directory that was made for it may stay, empty.
    assert.deepEqual(existsSync(out) ? readdirSync(out) : [], [], name);
    assert.equal(readFileSync(join(folder, 'letter'), 'utf8'), 'written since', name);
  }
  const safety = rig
    .listEvents()
    .flatMap((event) => (event.type === 'run.created' && event.kind === 'backup' && event.plan === undefined ? [event.run] : []));
  assert.equal(safety.length, 2, 'one safety backup for each restore that came so far');
  await rig.until('the end of both', () => safety.every((run) => hasEnded(rig, run)), 50);
  for (const run of safety) assert.equal(readEnd(rig.listEvents(run)).reason, 'interrupted');
  assert.ok(rig.listLedger().every(({ run, state }) => !safety.includes(run) || state === 'unvouched'));
  const left = readdirSync(rig.dir, { recursive: true }).map(String);
  assert.deepEqual(
    left.filter((path) => path.includes('holdfast-restore')),
    [],
  );
  assert.equal(await rig.kill('SIGTERM'), 0);
});
