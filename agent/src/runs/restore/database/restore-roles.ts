/**
 * Roles of the server that a restore needs: made before the database, all or none, and only where they are missing. What exists is never
 * changed. Until the restore has ended well they bear its mark, by which they are taken back.
 */
import { chooseRoles, type DatabaseRoles, type ServerRoles, type StoredRoles } from '@holdfast/shared/adapters/roles.ts';
import { createReasonError } from '@holdfast/shared/domain/reason.ts';
import type { RoleChoice } from '@holdfast/shared/domain/restore.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { PROCESS, RESTORE_ROLES } from '@holdfast/shared/limits.ts';
import type { StoredGlobals } from '@holdfast/shared/protocol/restore-roles.ts';
import { createRedactor } from '../../log/redact.ts';
import { getBinary } from '../../workbench.ts';
import { RESTORE_STALL_MS } from '../restore-part.ts';
import type { StoredDump } from './dump-origin.ts';
import { ask, assertAnswered, type DatabaseRestorePart, TRIED_AGAIN } from './restore-ask.ts';

/** More than one read from storage may be needed: indexes, a tree, a pack. */
const READ_MS = 5 * PROCESS.toolTimeoutMs;

/** What it takes to look; a person may only want to know. */
export type RolesPart = Pick<DatabaseRestorePart, 'tooling' | 'exec' | 'workDir' | 'signal' | 'connection' | 'restore'> &
  StoredDump;

/** What stands against what was stored. */
export interface RolesSeen {
  /** As it was stored; holds passwords. */
  text: string;
  stored: StoredRoles;
  server: ServerRoles;
  /** Missing roles that the choice asks for, by name. */
  missing: readonly string[];
}

export interface RolesToMake extends RolesSeen {
  adapter: DatabaseRoles;
}

function getRoles({ restore }: Pick<RolesPart, 'restore'>): DatabaseRoles {
  if (!restore.roles) throw new AppError('unsupported', 'databases of this kind have no roles beside them');
  return restore.roles;
}

async function readGlobals(part: RolesPart, { engineId, fileName }: StoredGlobals): Promise<string> {
  const result = await part.exec.runTool({
    stage: part.engine.dumpStage({ access: part.repository.access, snapshotId: engineId, fileName }),
    workDir: part.workDir,
    signal: part.signal,
    timeoutMs: READ_MS,
    outputBytes: RESTORE_ROLES.globalsBytes,
  });
  if (result.ending === 'cancelled') throw createReasonError('cancelled', 'Cancelled before anything was changed');
  if (result.exitCode !== 0) {
    const failure = part.engine.classifyDump(result);
    throw createReasonError(failure.reason, failure.message);
  }
  if (!result.truncated) return result.stdout;
  throw new AppError('limit', `the stored roles are above ${RESTORE_ROLES.globalsBytes} bytes; restore them by hand`);
}

/** The definitions of the dump, which stand at its beginning: the tool stops reading after them. */
async function readDefinitions(part: RolesPart, adapter: DatabaseRoles, toolVersion: string): Promise<string> {
  const command = adapter.planNamed(part.connection.input);
  const dump = { access: part.repository.access, snapshotId: part.engineId, fileName: part.fileName };
  const result = await part.exec.runPipeline({
    producer: part.engine.dumpStage(dump),
    consumer: { command, binary: getBinary(part.tooling, command.tool, toolVersion || undefined) },
    workDir: part.workDir,
    signal: part.signal,
    stallMs: RESTORE_STALL_MS,
  });
  if (result.verdict === 'cancelled') throw createReasonError('cancelled', 'Cancelled before anything was changed');
  // It reads no further than it needs; restic then has nowhere to write to.
  if (result.consumer.exitCode !== 0 && result.verdict === 'producer_failed') {
    const failure = part.engine.classifyDump(result.producer);
    throw createReasonError(failure.reason, failure.message);
  }
  if (result.consumer.exitCode !== 0)
    throw createReasonError('snapshot_damaged', result.consumer.stderr.trim() || 'The definitions of the dump could not be read');
  if (!result.consumer.truncated) return result.consumer.stdout;
  throw new AppError('limit', 'the definitions of this database are too long to look for roles in; choose all roles');
}

/** Reads what was stored and asks the server. Throws what keeps it from being known. */
export async function lookAtRoles(
  part: RolesPart,
  globals: StoredGlobals,
  choice: RoleChoice,
  toolVersion: string,
): Promise<RolesSeen> {
  const adapter = getRoles(part);
  const text = await readGlobals(part, globals);
  const stored = adapter.parse(text);
  const asked = await ask(part, adapter.planInspect(part.connection.input), { signal: part.signal });
  assertAnswered(part, asked);
  const server = adapter.parseInspect(asked.stdout);
  const all = chooseRoles(stored.roles, server.names, undefined);
  if (choice === 'all' || all.length === 0) return { text, stored, server, missing: all };
  const named = adapter.findNamed(await readDefinitions(part, adapter, toolVersion), all);
  return { text, stored, server, missing: chooseRoles(stored.roles, server.names, named) };
}

/** Those of the missing ones that the restoring user may not make. */
export function listForbidden({ stored, server, missing }: RolesSeen): readonly string[] {
  if (server.isSuperuser) return [];
  if (!server.mayCreate) return missing;
  return missing.filter((name) => stored.roles.some((role) => role.name === name && role.isPowerful));
}

const nameSome = (names: readonly string[]) => {
  const more = names.length - RESTORE_ROLES.namedInText;
  return `${names.slice(0, RESTORE_ROLES.namedInText).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
};

/** What is to be made, said in the log; undefined where nobody wishes any. Throws `roles_refused` before anything was changed. */
export async function planRoles(part: DatabaseRestorePart, toolVersion: string): Promise<RolesToMake | undefined> {
  const { options, globals, recorder, stored: dump } = part;
  if (options.roles === undefined) return undefined;
  if (!globals || !dump) throw createReasonError('roles_refused', 'No roles were stored beside this snapshot');
  const seen = await lookAtRoles({ ...part, ...dump }, globals, options.roles, toolVersion);
  recorder.addRedaction(createRedactor(seen.stored.secrets));
  const { stored, server, missing } = seen;
  const forbidden = listForbidden(seen);
  if (forbidden.length > 0)
    throw createReasonError('roles_refused', `The user ${server.user} may not make these roles: ${nameSome(forbidden)}`);
  const standing = stored.roles.flatMap(({ name }) => (server.names.includes(name) ? [name] : []));
  if (standing.length > 0) recorder.log('info', `roles that exist stay as they are: ${nameSome(standing)}`);
  if (stored.unknown > 0) recorder.log('warn', `${stored.unknown} stored statements about roles are not understood and left out`);
  recorder.log('info', missing.length === 0 ? 'no role is missing' : `roles to be made: ${nameSome(missing)}`);
  return missing.length === 0 ? undefined : { ...seen, adapter: getRoles(part) };
}

/** Drops what this restore made of roles; throws nothing. */
async function takeRolesBack(
  part: Pick<DatabaseRestorePart, 'tooling' | 'exec' | 'workDir' | 'connection'>,
  adapter: DatabaseRoles,
  run: string,
): Promise<{ ok: boolean; words: string }> {
  const result = await ask(part, adapter.planTakeBack(part.connection.input, run));
  return { ok: result.exitCode === 0, words: result.stderr.trim() };
}

/** Makes the roles, then does the work; what it made of roles goes again when the work fails. */
export async function withRoles<T>(
  part: DatabaseRestorePart,
  roles: RolesToMake | undefined,
  work: (part: DatabaseRestorePart) => Promise<T>,
): Promise<T> {
  if (!roles) return work(part);
  const { recorder, connection } = part;
  const { adapter, text, missing } = roles;
  const about = { globals: text, names: missing, run: recorder.run };
  part.remember({ made: [], roles: 'take_back' });
  const remember: DatabaseRestorePart['remember'] = (half) => part.remember({ made: [], ...half, roles: 'take_back' });
  try {
    // Not to be cancelled: afterwards it must be known whether they were made.
    assertAnswered(part, await ask(part, adapter.planMake(connection.input, about)));
    recorder.log('info', `made the roles ${nameSome(missing)}`);
    const result = await work({ ...part, remember });
    part.remember({ made: [], roles: 'keep' });
    const kept = await ask(part, adapter.planKeep(connection.input, about));
    if (kept.exitCode === 0) part.remember(undefined);
    else recorder.log('warn', `the roles keep the mark of this restore as their comment: ${kept.stderr.trim()}`);
    return result;
  } catch (error) {
    const { ok, words } = await takeRolesBack(part, adapter, recorder.run);
    if (ok) recorder.log('info', 'no role of this restore is left that nothing needs');
    else recorder.log('error', `the roles that were made could not be removed; ${TRIED_AGAIN}: ${words}`);
    if (ok) part.remember(undefined);
    throw error;
  }
}
