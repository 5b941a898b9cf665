/** `restore.look`: what a restore of a database would find at its target, for a person who has not decided yet. */
import { AppError, toAppError } from '@holdfast/shared/errors.ts';
import type { RequestBody, RequestResult } from '@holdfast/shared/protocol/messages.ts';
import { prepareSourceDraft, withWorkDir } from '../runs/inputs.ts';
import { inspect } from '../runs/restore/database/restore-ask.ts';
import { findFreeBytes } from '../runs/restore/database/restore-checks.ts';
import type { Workbench } from '../runs/workbench.ts';
import { assertInTime } from './in-time.ts';

export function createRestoreLook(workbench: Workbench) {
  return (body: RequestBody<'restore.look'>): Promise<RequestResult<'restore.look'>> => {
    assertInTime(workbench.clock, body.notAfter);
    return withWorkDir(workbench, async (workDir) => {
      const connection = prepareSourceDraft(workbench, body.draft, body.ref, workDir);
      const { restore } = connection.adapter;
      if (!restore) throw new AppError('unsupported', 'sources of this kind are not restored into a database');
      try {
        const part = { tooling: workbench, exec: workbench.exec, workDir, connection, restore };
        const target = await inspect(part, body.database);
        const { exists, empty, serverVersion, tables, sizeBytes, sessions } = target;
        const freeBytes = await findFreeBytes(connection.input.config, target);
        const seen = { exists, empty, serverVersion: serverVersion.slice(0, 200), tables, sizeBytes, sessions };
        return freeBytes === undefined ? seen : { ...seen, freeBytes };
      } catch (thrown) {
        const error = toAppError(thrown);
        throw new AppError(error.code, connection.redact(error.message), { details: error.details, cause: thrown });
      }
    });
  };
}
