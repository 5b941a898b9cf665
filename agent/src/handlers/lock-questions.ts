/** What a person asks about the locks of a repository, and has done about them. */
import { createReasonError } from '@holdfast/shared/domain/reason.ts';
import type { RequestBody, RequestResult } from '@holdfast/shared/protocol/messages.ts';
import type { AgentPeer } from '@holdfast/shared/protocol/peer.ts';
import type { EngineFailure } from '../engines/restic/classify.ts';
import type { ResticEngine } from '../engines/restic/engine.ts';
import { type PreparedRepository, prepareRepositoryDraft, withWorkDir } from '../runs/inputs.ts';
import type { Workbench } from '../runs/workbench.ts';
import { assertInTime } from './in-time.ts';

interface Opened {
  engine: ResticEngine;
  repository: PreparedRepository;
  workDir: string;
}

export function createLockQuestions(workbench: Workbench): Pick<AgentPeer, 'locks.list' | 'locks.attest' | 'locks.clear'> {
  const open = <T>(body: RequestBody<'locks.list'>, work: (opened: Opened) => Promise<T>): Promise<T> => {
    assertInTime(workbench.clock, body.notAfter);
    return withWorkDir(workbench, (workDir) => {
      const repository = prepareRepositoryDraft(workbench, body.draft, body.ref, workDir);
      return work({ engine: workbench.engine(workbench.exec), repository, workDir });
    });
  };
  const refuse = ({ reason, message }: EngineFailure, { repository }: Opened) =>
    createReasonError(reason, repository.redact(message));
  return {
    'locks.list': (body): Promise<RequestResult<'locks.list'>> =>
      open(body, async (opened) => {
        const { engine, repository, workDir } = opened;
        const { access } = repository;
        const stranger = await engine.findStranger({ access, workDir, pinnedId: body.pinnedId });
        if (stranger) throw refuse(stranger, opened);
        const listed = await engine.listLocks({ access, workDir });
        if (listed.failure) throw refuse(listed.failure, opened);
        return { locks: listed.locks };
      }),
    async 'locks.attest'(body): Promise<RequestResult<'locks.attest'>> {
      assertInTime(workbench.clock, body.notAfter);
      const engine = workbench.engine(workbench.exec);
      return { holders: body.locks.map((lock) => ({ id: lock.id, state: engine.attestHolder(lock) })) };
    },
    'locks.clear': (body): Promise<RequestResult<'locks.clear'>> =>
      open(body, async (opened) => {
        const { engine, repository, workDir } = opened;
        const { ids, pinnedId } = body;
        const { removed, failure } = await engine.clearNamedLocks({ access: repository.access, workDir, pinnedId, ids });
        if (failure) throw refuse(failure, opened);
        workbench.log.warn({ removed }, 'removed locks of a repository, because a person said so');
        return { removed };
      }),
  };
}
