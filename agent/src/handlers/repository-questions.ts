/** `repository.test`, `repository.measure` and `repository.init`: from this host, read-only the first two, only on a person's order the last. */
import { join } from 'node:path';
import { joinAccess } from '@holdfast/shared/adapters/joint-access.ts';
import { createReasonError } from '@holdfast/shared/domain/reason.ts';
import { PROCESS, TEXT } from '@holdfast/shared/limits.ts';
import type { RequestBody, RequestResult } from '@holdfast/shared/protocol/messages.ts';
import type { EngineFailure } from '../engines/restic/classify.ts';
import { compareWithPinned } from '../engines/restic/repository.ts';
import { prepareRepositoryDraft, withWorkDir } from '../runs/inputs.ts';
import type { Workbench } from '../runs/workbench.ts';
import { assertInTime } from './in-time.ts';

export function createRepositoryTest(workbench: Workbench) {
  return (body: RequestBody<'repository.test'>): Promise<RequestResult<'repository.test'>> => {
    assertInTime(workbench.clock, body.notAfter);
    return withWorkDir(workbench, async (workDir) => {
      const repository = prepareRepositoryDraft(workbench, body.draft, body.ref, workDir);
      const engine = workbench.engine(workbench.exec);
      const startedAt = workbench.clock.monotonicMs();
      const found = await engine.findRepository({ access: repository.access, workDir, timeoutMs: PROCESS.toolTimeoutMs });
      const latencyMs = Math.max(0, workbench.clock.monotonicMs() - startedAt);
      if (found.state !== 'found') {
        const { reason, message } = found.failure;
        return {
          state: found.state === 'missing' ? 'missing' : 'failed',
          message: repository.redact(createReasonError(reason, message).message).slice(0, TEXT.errorChars),
          reason,
          latencyMs,
        };
      }
      const stranger = compareWithPinned(found.engineId, body.pinnedId);
      if (stranger) {
        return {
          state: 'failed',
          message: createReasonError(stranger.reason, stranger.message).message,
          reason: stranger.reason,
          engineId: found.engineId,
          latencyMs,
        };
      }
      const listed = await engine.listSnapshots({ access: repository.access, workDir, timeoutMs: PROCESS.toolTimeoutMs });
      return {
        state: 'ready',
        message: 'the repository opens with this password',
        engineId: found.engineId,
        ...(listed.failure ? {} : { snapshots: listed.snapshots.length }),
        latencyMs,
      };
    });
  };
}

export function createRepositoryMeasure(workbench: Workbench) {
  return (body: RequestBody<'repository.measure'>): Promise<RequestResult<'repository.measure'>> => {
    assertInTime(workbench.clock, body.notAfter);
    return withWorkDir(workbench, async (workDir) => {
      const repository = prepareRepositoryDraft(workbench, body.draft, body.ref, workDir);
      const engine = workbench.engine(workbench.exec);
      const { access } = repository;
      const input = { access, workDir, timeoutMs: PROCESS.toolTimeoutMs };
      const refuse = ({ reason, message }: EngineFailure) => createReasonError(reason, repository.redact(message));
      const stranger = await engine.findStranger({ ...input, pinnedId: body.pinnedId });
      if (stranger) throw refuse(stranger);
      const { size, failure } = await engine.measure(input);
      if (failure) throw refuse(failure);
      return size;
    });
  };
}

export function createRepositoryInit(workbench: Workbench) {
  return (body: RequestBody<'repository.init'>): Promise<RequestResult<'repository.init'>> => {
    assertInTime(workbench.clock, body.notAfter);
    return withWorkDir(workbench, async (workDir) => {
      const repository = prepareRepositoryDraft(workbench, body.draft, body.ref, workDir);
      const { access } = repository;
      const like = body.like && prepareRepositoryDraft(workbench, body.like.draft, body.like.ref, join(workDir, 'from'));
      const made = await workbench.engine(workbench.exec).initRepository({
        access,
        workDir,
        timeoutMs: 2 * PROCESS.toolTimeoutMs,
        ...(like ? { joint: joinAccess(like.access, access) } : {}),
      });
      const redact = (text: string) => repository.redact(like ? like.redact(text) : text);
      if (made.failure) throw createReasonError(made.failure.reason, redact(made.failure.message));
      return { engineId: made.engineId };
    });
  };
}
