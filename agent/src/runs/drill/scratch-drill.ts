/**
 * Tries a dump out on a server that an operator named, in a database of this drill alone. The database is dropped whatever happens; one that
 * could not be dropped is journaled and tried again. Everything is done with the rights of the connection.
 */
import type { DatabaseDrill } from '@holdfast/shared/adapters/drill.ts';
import type { PlanInput } from '@holdfast/shared/adapters/source.ts';
import type { Contents } from '@holdfast/shared/domain/contents.ts';
import { type DrillAssertion, describeOperator, holdsAssertion } from '@holdfast/shared/domain/drill.ts';
import type { RunId } from '@holdfast/shared/domain/ids.ts';
import { createReasonError } from '@holdfast/shared/domain/reason.ts';
import type { Evidence } from '@holdfast/shared/domain/run.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { DRILL, RECORD } from '@holdfast/shared/limits.ts';
import type { PreparedSource } from '../inputs.ts';
import { createStoredOrigin } from '../restore/database/dump-origin.ts';
import { ask, dropMade, inspect } from '../restore/database/restore-ask.ts';
import { restoreDatabase } from '../restore/database/restore-database.ts';
import type { RestorePart } from '../restore/restore-part.ts';
import { compareWithRecord } from './as-recorded.ts';
import { assertHolds, type DrillFindings } from './findings.ts';
import { countNoun } from './structure.ts';

export interface ScratchDrillPart extends RestorePart {
  connection: PreparedSource;
  drill: DatabaseDrill;
  fileName: string;
  /** The connection came with secrets that this host's own server sealed for this very drill. */
  isSealed: boolean;
  assertions: readonly DrillAssertion[];
  recorded?: Contents | undefined;
  findings: DrillFindings;
  checkRepository(): Promise<void>;
  /** Journals the database before it is made; undefined when it is gone. */
  owe(database: string | undefined): void;
}

/** Of this drill alone; a run's id is made of letters every database server takes. */
const nameScratch = (run: RunId): string => `holdfast_drill_${run}`;

function planInput({ connection: { adapter, input } }: ScratchDrillPart, database: string): PlanInput {
  const config = adapter.discovery?.configFor(input.config, { name: database }) ?? input.config;
  return { ...input, config };
}

async function lookAt(part: ScratchDrillPart, database: string): Promise<readonly Evidence[]> {
  const { connection, findings, recorded, recorder, signal } = part;
  const { recording } = connection.adapter;
  if (!recording) throw new AppError('unsupported', 'what is in a database of this kind cannot be looked at');
  const command = recording.planLook(planInput(part, database), { rows: 'all' });
  const result = await ask(part, command, { signal, timeoutMs: RECORD.allMs });
  if (result.ending === 'cancelled') throw createReasonError('cancelled', 'Cancelled; what was restored is removed');
  if (result.exitCode !== 0)
    return [{ check: 'target_verified', ok: false, seen: `The tables cannot be read: ${result.stderr.trim()}` }];
  const { tables } = recording.parseLook(result.stdout);
  const counted = tables.flatMap(({ name, rows, isExact }) => (isExact && rows !== undefined ? [[name, rows] as const] : []));
  findings.rowsByTable = new Map(counted);
  findings.things = counted.length;
  findings.rows = counted.reduce((sum, [, rows]) => sum + rows, 0);
  const seen = `${countNoun(counted.length, 'table')} with ${countNoun(findings.rows, 'row')}, counted one by one`;
  const restored = { shapes: tables, rows: findings.rowsByTable, leftOut: findings.warnings.length > 0 };
  return [{ check: 'target_verified', ok: true, seen }, ...(recorded ? [compareWithRecord(recorded, restored, recorder)] : [])];
}

async function askQuestion(part: ScratchDrillPart, database: string, assertion: DrillAssertion): Promise<Evidence> {
  const { drill, signal } = part;
  const command = drill.planQuestion(planInput(part, database), assertion.sql);
  const result = await ask(part, command, { signal, timeoutMs: 2 * DRILL.assertionMs });
  if (result.ending === 'cancelled') throw createReasonError('cancelled', 'Cancelled; what was restored is removed');
  const answer = drill.parseAssertion(result);
  const question = assertion.sql.replaceAll(/\s+/g, ' ').slice(0, 200);
  if ('problem' in answer) return { check: 'assertion', ok: false, seen: `${question}: ${answer.problem}` };
  const wanted = `must be ${describeOperator(assertion.operator)} ${assertion.value}`;
  return {
    check: 'assertion',
    ok: holdsAssertion(assertion, answer.value),
    seen: `${question}: ${answer.value ?? 'NULL'}, ${wanted}`,
  };
}

/** Throws `target_refused` where questions would be asked with rights that reach beyond the database. */
async function assertHarmless(part: ScratchDrillPart, database: string): Promise<void> {
  const { restore } = part.connection.adapter;
  if (!restore) throw new AppError('unsupported', 'dumps of this kind are not restored by this agent');
  const { superuser } = await inspect({ ...part, restore }, database, part.signal);
  if (superuser === true && part.assertions.length > 0)
    throw createReasonError(
      'target_refused',
      'The connection is that of a superuser, whose questions could reach beyond the database: give the drill a connection of an ordinary role that may create databases',
    );
}

/** Throws the reason when it cannot be carried out or when the restore fails; what does not hold is in the findings. */
export async function drillInScratch(part: ScratchDrillPart): Promise<void> {
  const { connection, recorder, tooling, findings } = part;
  const { restore } = connection.adapter;
  if (!restore) throw new AppError('unsupported', 'dumps of this kind are not restored by this agent');
  recorder.addRedaction(connection.redact);
  const database = nameScratch(recorder.run);
  // Nobody who merely breaks into the line may ask what an account without a password can read.
  if (part.assertions.length > 0 && !part.isSealed)
    throw createReasonError('target_refused', 'Questions are asked on a named server only through a connection with a password');
  await part.checkRepository();
  await assertHarmless(part, database);
  part.owe(database);
  try {
    const startedAt = tooling.clock.monotonicMs();
    const result = await restoreDatabase({
      ...part,
      restore,
      stored: part,
      origin: createStoredOrigin(part),
      database,
      mode: 'new',
      tables: [],
      // Owners and grants belong to the server the dump came from; an older server than that one proves nothing.
      options: { owners: false, acceptOlderServer: false },
      remember: () => undefined,
    });
    findings.restoreMs = Math.max(0, Math.round(tooling.clock.monotonicMs() - startedAt));
    findings.warnings.push(...result.warnings);
    findings.bytes = result.bytes;
    const evidence = [...(await lookAt(part, database))];
    for (const assertion of part.assertions) evidence.push(await askQuestion(part, database, assertion));
    for (const { ok, seen } of evidence) recorder.log(ok ? 'info' : 'error', `${ok ? 'holds' : 'does not hold'}: ${seen}`);
    findings.evidence.push(...evidence);
    assertHolds(findings);
  } finally {
    const { ok, words } = await dropMade({ ...part, restore }, database);
    if (ok) part.owe(undefined);
    else recorder.log('error', `${database} could not be dropped; it is tried again when the agent starts: ${words}`);
  }
}
