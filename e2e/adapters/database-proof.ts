import assert from 'node:assert/strict';
import type { ToolName } from '@holdfast/shared/adapters/command.ts';
import type { Config, Secrets } from '@holdfast/shared/adapters/field.ts';
import type { Artifact, DatabaseRestore, SourceAdapter, TargetState, Verdict } from '@holdfast/shared/adapters/source.ts';
import type { CommandRunner } from './command-run.ts';

export type ProvedSource = {
  readonly adapter: SourceAdapter;
  readonly runner: CommandRunner;
  readonly config: Config;
  readonly secrets: Secrets;
  /** Which set of tools is planned for, of a kind that has two. */
  readonly tools?: readonly ToolName[];
};

export type Dump = { readonly role: Artifact['role']; readonly bytes: Buffer };

/** Probes the source and takes every artifact; each must exit 0, begin with its magic and reach its floor. */
export async function takeDumps({ adapter, runner, config, secrets, tools }: ProvedSource): Promise<readonly Dump[]> {
  const input = { config, secrets, tools, workDir: runner.workDir };
  const look = adapter.planProbe(input);
  assert.ok(look !== undefined);
  const probe = adapter.parseProbe(await runner.run(look));
  const dumps: Dump[] = [];
  for (const artifact of adapter.planBackup(input, probe)) {
    assert.ok(artifact.kind === 'stream');
    const outcome = await runner.run(artifact.producer);
    assert.equal(outcome.exitCode, 0, outcome.stderr);
    assert.ok(artifact.magicHex.some((magic) => outcome.bytes.toString('hex', 0, magic.length / 2) === magic));
    assert.ok(outcome.bytes.length >= artifact.floorBytes);
    dumps.push({ role: artifact.role, bytes: outcome.bytes });
  }
  return dumps;
}

export function getDataDump(dumps: readonly Dump[]): Buffer {
  const dump = dumps.find((candidate) => candidate.role === 'data');
  assert.ok(dump !== undefined);
  return dump.bytes;
}

function getRestore(adapter: SourceAdapter): DatabaseRestore {
  assert.ok(adapter.restore !== undefined);
  return adapter.restore;
}

export async function inspectTarget(source: ProvedSource, targetDatabase: string): Promise<TargetState> {
  const restore = getRestore(source.adapter);
  const { config, secrets, tools, runner } = source;
  const outcome = await runner.run(
    restore.planInspectTarget({ config, secrets, tools, workDir: runner.workDir, targetDatabase }),
  );
  assert.equal(outcome.exitCode, 0, outcome.stderr);
  return restore.parseInspectTarget(outcome.stdout);
}

/** Creates the target, which must not exist yet, and restores the dump into it. */
export async function restoreDump(source: ProvedSource, targetDatabase: string, dump: Buffer): Promise<Verdict> {
  const restore = getRestore(source.adapter);
  const { config, secrets, tools, runner } = source;
  const input = { config, secrets, tools, workDir: runner.workDir, targetDatabase };
  assert.deepEqual(pickState(await inspectTarget(source, targetDatabase)), { exists: false, empty: true });
  const mark = 'run_7';
  const created = await runner.run(restore.planCreateTarget({ ...input, mark }));
  assert.equal(created.exitCode, 0, created.stderr);
  const made = await inspectTarget(source, targetDatabase);
  assert.deepEqual(pickState(made), { exists: true, empty: true });
  assert.equal(made.marks.length, 1);
  const verdict = restore.judgeRestore(await runner.run(restore.planRestore(input), dump));
  const filled = await inspectTarget(source, targetDatabase);
  assert.deepEqual(filled.marks, made.marks, 'the mark of the one that was made, whatever came into it');
  if (!restore.planUnmark) return verdict;
  const unmarked = await runner.run(restore.planUnmark({ ...input, mark }));
  assert.equal(unmarked.exitCode, 0, unmarked.stderr);
  const { marks, tables, empty } = await inspectTarget(source, targetDatabase);
  assert.deepEqual({ marks, tables, empty }, { marks: [], tables: filled.tables, empty: filled.empty }, 'it is no content');
  return verdict;
}

export async function verifyTarget(source: ProvedSource, targetDatabase: string): Promise<{ tables: number; seen: string }> {
  const restore = getRestore(source.adapter);
  const { config, secrets, tools, runner } = source;
  const outcome = await runner.run(restore.planVerify({ config, secrets, tools, workDir: runner.workDir, targetDatabase }));
  assert.equal(outcome.exitCode, 0, outcome.stderr);
  return restore.parseVerify(outcome.stdout);
}

/** Drops the target and sees that it is gone. */
export async function dropTarget(source: ProvedSource, targetDatabase: string): Promise<void> {
  const restore = getRestore(source.adapter);
  const { config, secrets, tools, runner } = source;
  const outcome = await runner.run(restore.planDropTarget({ config, secrets, tools, workDir: runner.workDir, targetDatabase }));
  assert.equal(outcome.exitCode, 0, outcome.stderr);
  assert.equal((await inspectTarget(source, targetDatabase)).exists, false);
}

function pickState(state: TargetState): Pick<TargetState, 'exists' | 'empty'> {
  return { exists: state.exists, empty: state.empty };
}

/** The reason a probe fails for, with this config and these secrets. */
export async function findProbeFailure(source: ProvedSource): Promise<string> {
  const { adapter, runner, config, secrets, tools } = source;
  const look = adapter.planProbe({ config, secrets, tools, workDir: runner.workDir });
  assert.ok(look !== undefined);
  const outcome = await runner.run(look);
  assert.notEqual(outcome.exitCode, 0);
  return adapter.classifyFailure(outcome).reason;
}
