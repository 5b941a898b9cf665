/** Restores a dump into a throw-away server and looks at what came back. The live server is not asked anything. */
import type { DatabaseDrill, DumpFacts } from '@holdfast/shared/adapters/drill.ts';
import { findPgMajor } from '@holdfast/shared/adapters/sources/postgres/tools.ts';
import type { Contents } from '@holdfast/shared/domain/contents.ts';
import { type DrillAssertion, describeOperator, holdsAssertion } from '@holdfast/shared/domain/drill.ts';
import { createReasonError } from '@holdfast/shared/domain/reason.ts';
import type { Evidence } from '@holdfast/shared/domain/run.ts';
import { DRILL } from '@holdfast/shared/limits.ts';
import { createRate } from '../rate.ts';
import { planRenaming } from '../restore/database/renaming.ts';
import { hasLostItsReader } from '../restore/database/restore-pour.ts';
import { inStage, RESTORE_STALL_MS, type RestorePart } from '../restore/restore-part.ts';
import { compareWithRecord } from './as-recorded.ts';
import { assertHolds, type DrillFindings } from './findings.ts';
import type { DrillDir, DrillGround } from './ground.ts';
import { getNewestPrograms, getProgramsFor, type ServerPrograms } from './server-programs.ts';
import { compareStructures, countNoun } from './structure.ts';
import { planStage, startThrowawayServer, type ThrowawayServer } from './throwaway-server.ts';

export interface DatabaseDrillPart extends RestorePart {
  ground: DrillGround;
  dir: DrillDir;
  drill: DatabaseDrill;
  fileName: string;
  assertions: readonly DrillAssertion[];
  /** What the database held as it was backed up. */
  recorded?: Contents | undefined;
  findings: DrillFindings;
  /** Makes sure that the repository is there and the pinned one. */
  checkRepository(): Promise<void>;
}

interface Prepared {
  programs: ServerPrograms;
  facts: DumpFacts | undefined;
  /** The head was too long to be read whole. */
  isWhole: boolean;
}

const CANCELLED = 'Cancelled; what was restored is removed';

/** The head of the dump through the gate; the program that reads it ends before the dump does. */
async function readHead(
  part: DatabaseDrillPart,
  programs: ServerPrograms,
): Promise<{ facts: DumpFacts; isWhole: boolean } | undefined> {
  const { reading } = part.drill;
  if (!reading) return undefined;
  const { verdict, producer, consumer } = await part.exec.runPipeline({
    producer: dump(part),
    consumer: planStage({ ...part, programs }, reading.planReading()),
    workDir: part.workDir,
    signal: part.signal,
    stallMs: RESTORE_STALL_MS,
  });
  if (verdict === 'cancelled') throw createReasonError('cancelled', CANCELLED);
  if (verdict === 'stalled') throw createReasonError('stalled', 'No byte came from the repository for an hour');
  if (consumer.exitCode !== 0 && verdict === 'producer_failed') throwDumpFailure(part, producer);
  return { facts: reading.parseReading(consumer), isWhole: !consumer.truncated };
}

function dump(part: DatabaseDrillPart) {
  const input = { access: part.repository.access, snapshotId: part.engineId, fileName: part.fileName };
  return part.engine.dumpStage(input, (level, text) => part.recorder.log(level, text));
}

function throwDumpFailure(part: DatabaseDrillPart, outcome: Parameters<DatabaseDrillPart['engine']['classifyDump']>[0]): never {
  const failure = part.engine.classifyDump(outcome);
  throw createReasonError(failure.reason, failure.message);
}

function assertRoom({ ground, sizeBytes, recorder }: DatabaseDrillPart): void {
  const needed = sizeBytes * DRILL.roomFactor + DRILL.spareBytes;
  const room = ground.measureRoom();
  const mib = (bytes: number) => `${Math.ceil(bytes / (1024 * 1024))} MiB`;
  if (room < needed)
    throw createReasonError(
      'disk_full',
      `A drill of this backup needs ${mib(needed)} of room on this host, and there are ${mib(room)}`,
    );
  recorder.log('info', `pre-flight: ${mib(needed)} of room are needed, and there are ${mib(room)}`);
}

async function prepare(part: DatabaseDrillPart): Promise<Prepared> {
  const { drill, ground, recorder } = part;
  const search = { drill, toolPath: ground.toolPath };
  const newest = getNewestPrograms(search);
  assertRoom(part);
  await part.checkRepository();
  const head = await readHead(part, newest);
  if (!head) return { programs: newest, facts: undefined, isWhole: false };
  const { serverVersion, structure } = head.facts;
  const programs = getProgramsFor(search, findPgMajor(serverVersion) ?? 0);
  const version = programs.major === undefined ? '' : ` into a throw-away server of version ${programs.major}`;
  recorder.log(
    'info',
    `the dump was made of version ${serverVersion} and has ${countNoun(structure.tables.length, 'table')}; it goes${version}`,
  );
  return { programs, facts: head.facts, isWhole: head.isWhole };
}

async function createDatabase(part: DatabaseDrillPart, server: ThrowawayServer, creation: string): Promise<void> {
  let words = '';
  for (const call of part.drill.planDatabase(server.place, creation)) {
    const made = await server.call(call, { timeoutMs: DRILL.serverStartMs });
    if (made.exitCode === 0) {
      if (words !== '')
        part.recorder.log('warn', `the database could not be made as it was, and is made without its locale: ${words}`);
      return;
    }
    words = made.stderr.trim();
  }
  throw createReasonError('unknown_failure', `The throw-away database could not be made: ${words}`);
}

async function pour(part: DatabaseDrillPart, server: ThrowawayServer): Promise<void> {
  const { recorder, tooling, drill, findings, sizeBytes } = part;
  const rate = createRate(tooling.clock);
  const result = await part.exec.runPipeline({
    producer: dump(part),
    filter: planRenaming(drill.renaming, part.workDir),
    consumer: server.toStage(drill.planRestore(server.place), (line) => recorder.log('warn', line)),
    workDir: part.workDir,
    signal: part.signal,
    stallMs: RESTORE_STALL_MS,
    onProgress({ writtenBytes }) {
      const bytes = Math.min(writtenBytes, sizeBytes);
      recorder.progress({ stage: 'restore', bytes, totalBytes: sizeBytes, bytesPerSecond: rate.look(writtenBytes) });
    },
  });
  if (result.verdict === 'cancelled') throw createReasonError('cancelled', CANCELLED);
  if (result.verdict === 'stalled') throw createReasonError('stalled', 'No byte moved into the throw-away server for an hour');
  const isDumpBroken = result.verdict === 'producer_failed' && !hasLostItsReader(result);
  if (isDumpBroken && result.consumer.exitCode !== 0) throwDumpFailure(part, result.producer);
  const verdict = drill.judgeRestore(result.consumer);
  if (!verdict.ok) throw createReasonError(verdict.reason, verdict.message);
  if (result.verdict !== 'complete' && !drill.knowsTheEnd)
    throw createReasonError('restore_failed', 'The restoring tool ended before the whole dump was read');
  findings.warnings.push(...verdict.warnings);
  findings.bytes = sizeBytes;
}

async function countTables(part: DatabaseDrillPart, server: ThrowawayServer): Promise<Evidence> {
  const { drill, findings } = part;
  const counted = await server.call(drill.planTables(server.place));
  if (counted.exitCode !== 0)
    return { check: 'target_verified', ok: false, seen: `The tables cannot be read: ${counted.stderr.trim()}` };
  const tables = drill.parseTables(counted.stdout);
  findings.rowsByTable = new Map(tables.map(({ table, rows }) => [table, rows]));
  findings.things = tables.length;
  findings.rows = tables.reduce((sum, { rows }) => sum + rows, 0);
  const biggest = tables.toSorted((a, b) => b.rows - a.rows).slice(0, 3);
  const named = biggest.map(({ table, rows }) => `${table} ${rows}`).join(', ');
  return {
    check: 'target_verified',
    ok: true,
    seen: `${countNoun(tables.length, 'table')} with ${countNoun(findings.rows, 'row')}, counted one by one${named === '' ? '' : `: ${named}`}`,
  };
}

async function compareWithDump(
  part: DatabaseDrillPart,
  server: ThrowawayServer,
  prepared: Prepared,
): Promise<Evidence | undefined> {
  const { structure } = part.drill;
  if (!structure || !prepared.facts) return undefined;
  const read = await server.call(structure.planStructure(server.place));
  if (read.exitCode !== 0)
    return { check: 'same_content', ok: false, seen: `The structure cannot be read: ${read.stderr.trim()}` };
  return compareStructures(prepared.facts.structure, structure.parseStructure(read.stdout), {
    isWhole: prepared.isWhole && !read.truncated,
    leftOut: part.findings.warnings.length > 0,
  });
}

async function compareWithThen(part: DatabaseDrillPart, server: ThrowawayServer): Promise<Evidence | undefined> {
  const { recorded, drill, findings, recorder } = part;
  if (!recorded) return undefined;
  const read = await server.call(drill.planShapes(server.place));
  if (read.exitCode !== 0)
    return { check: 'same_content', ok: false, seen: `The tables cannot be looked at: ${read.stderr.trim()}` };
  const restored = {
    shapes: drill.parseShapes(read.stdout),
    rows: findings.rowsByTable,
    leftOut: findings.warnings.length > 0,
  };
  return compareWithRecord(recorded, restored, recorder);
}

async function scan(part: DatabaseDrillPart, server: ThrowawayServer, programs: ServerPrograms): Promise<Evidence | undefined> {
  const call = part.drill.planScan(server.place);
  if (programs.find(call.program) === undefined) {
    part.recorder.log('info', `${call.program} is not installed on this host; tables and indexes are not read for damage`);
    return undefined;
  }
  const verdict = part.drill.judgeScan(await server.call(call));
  const seen = verdict.ok ? `${call.program} found nothing wrong` : verdict.message;
  return { check: 'undamaged', ok: verdict.ok, seen };
}

async function ask(part: DatabaseDrillPart, server: ThrowawayServer, assertion: DrillAssertion): Promise<Evidence> {
  const { drill } = part;
  const result = await server.call(drill.planAssertion(server.place, assertion.sql), { timeoutMs: 2 * DRILL.assertionMs });
  const answer = drill.parseAssertion(result);
  const question = assertion.sql.replaceAll(/\s+/g, ' ').slice(0, 200);
  if ('problem' in answer) return { check: 'assertion', ok: false, seen: `${question}: ${answer.problem}` };
  const ok = holdsAssertion(assertion, answer.value);
  return {
    check: 'assertion',
    ok,
    seen: `${question}: ${answer.value ?? 'NULL'}, must be ${describeOperator(assertion.operator)} ${assertion.value}`,
  };
}

async function gather(part: DatabaseDrillPart, server: ThrowawayServer, prepared: Prepared): Promise<void> {
  const { findings, assertions, recorder } = part;
  const add = (found: Evidence | undefined) => {
    if (!found) return;
    findings.evidence.push(found);
    recorder.log(found.ok ? 'info' : 'error', `${found.ok ? 'holds' : 'does not hold'}: ${found.seen}`);
  };
  // Before the scan, which may add an extension of its own.
  const asDumped = await compareWithDump(part, server, prepared);
  // Both read every page; one after the other they would take twice as long.
  const [counted, undamaged] = await Promise.all([countTables(part, server), scan(part, server, prepared.programs)]);
  add(counted);
  add(await compareWithThen(part, server));
  add(asDumped);
  add(undamaged);
  if (assertions.length === 0) return;
  const readied = await server.call(part.drill.planReader(server.place), { timeoutMs: DRILL.serverStartMs });
  if (readied.exitCode !== 0) throw createReasonError('unknown_failure', `Nothing could be asserted: ${readied.stderr.trim()}`);
  for (const assertion of assertions) add(await ask(part, server, assertion));
}

/** Throws the reason when it cannot be carried out or when the restore fails; what does not hold is in the findings. */
export async function drillDatabase(part: DatabaseDrillPart): Promise<void> {
  const { recorder, tooling, drill, findings } = part;
  const prepared = await inStage(recorder, 'preflight', () => prepare(part));
  const { programs } = prepared;
  const log = (text: string) => recorder.log('info', text);
  const { exec, ground, dir, workDir, signal } = part;
  recorder.beginStage('restore');
  let server: ThrowawayServer | undefined;
  let isRestored = false;
  try {
    server = await startThrowawayServer({ exec, ground, dir, workDir, programs, drill, signal, log });
    const startedAt = tooling.clock.monotonicMs();
    await createDatabase(part, server, prepared.facts?.creation ?? '');
    await pour(part, server);
    findings.restoreMs = Math.max(0, Math.round(tooling.clock.monotonicMs() - startedAt));
    isRestored = true;
    recorder.endStage('restore', true);
    const running = server;
    await inStage(recorder, 'evidence', async () => {
      await gather(part, running, prepared);
      assertHolds(findings);
    });
  } catch (error) {
    if (!isRestored) recorder.endStage('restore', false);
    throw error;
  } finally {
    await server?.stop();
  }
}
