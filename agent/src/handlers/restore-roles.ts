/** `restore.roles`: which roles a restore of a database would make, for a person who has not decided yet. */
import { AppError, toAppError } from '@holdfast/shared/errors.ts';
import { RESTORE_ROLES } from '@holdfast/shared/limits.ts';
import type { RestoreRolesAnswer, RestoreRolesQuestion } from '@holdfast/shared/protocol/restore-roles.ts';
import { prepareRepositoryDraft, prepareSourceDraft, withWorkDir } from '../runs/inputs.ts';
import { listForbidden, lookAtRoles, type RolesSeen } from '../runs/restore/database/restore-roles.ts';
import type { Workbench } from '../runs/workbench.ts';
import { assertInTime } from './in-time.ts';

function toAnswer(seen: RolesSeen): RestoreRolesAnswer {
  const { stored, server, missing } = seen;
  const isPowerful = (name: string) => stored.roles.some((role) => role.name === name && role.isPowerful);
  return {
    user: server.user,
    mayCreate: server.mayCreate,
    missing: missing.slice(0, RESTORE_ROLES.listed).map((name) => ({ name, isPowerful: isPowerful(name) })),
    missingCount: missing.length,
    forbiddenCount: listForbidden(seen).length,
    standingCount: stored.roles.filter(({ name }) => server.names.includes(name)).length,
    unknown: stored.unknown,
  };
}

export function createRestoreRoles(workbench: Workbench) {
  return (body: RestoreRolesQuestion): Promise<RestoreRolesAnswer> => {
    assertInTime(workbench.clock, body.notAfter);
    return withWorkDir(workbench, async (workDir) => {
      const connection = prepareSourceDraft(workbench, body.connection, `${body.ref}.sources`, workDir);
      const repository = prepareRepositoryDraft(workbench, body.repository, `${body.ref}.repositories`, workDir);
      const { restore } = connection.adapter;
      if (!restore) throw new AppError('unsupported', 'sources of this kind are not restored into a database');
      const { engineId, fileName, globals, choice, notAfter } = body;
      const signal = AbortSignal.timeout(Math.max(0, notAfter - workbench.clock.now()));
      const { exec } = workbench;
      const part = { tooling: workbench, exec, engine: workbench.engine(exec), repository, workDir, signal, connection, restore };
      try {
        return toAnswer(await lookAtRoles({ ...part, engineId, fileName }, globals, choice, ''));
      } catch (thrown) {
        const error = toAppError(thrown);
        const message = repository.redact(connection.redact(error.message));
        throw new AppError(error.code, message, { details: error.details, cause: thrown });
      }
    });
  };
}
