/** Every request a server may send, with its handler. */
import type { Spec } from '@holdfast/shared/domain/plan.ts';
import type { AgentPeer } from '@holdfast/shared/protocol/peer.ts';
import type { HostCredentialStore } from '../identity/host-credentials.ts';
import type { Executor } from '../runs/executor.ts';
import type { Workbench } from '../runs/workbench.ts';
import { createDirectoriesLook } from './directories-look.ts';
import { createDumpFilesList } from './dump-files.ts';
import { assertInTime } from './in-time.ts';
import { createLockQuestions } from './lock-questions.ts';
import { createRepositoryContents } from './repository-contents.ts';
import { createRepositoryInit, createRepositoryMeasure, createRepositoryTest } from './repository-questions.ts';
import { createRestoreLook } from './restore-look.ts';
import { createRestoreRoles } from './restore-roles.ts';
import { createSecretsPut } from './secrets-put.ts';
import { createSnapshotQuestions } from './snapshot-questions.ts';
import { createSourceDiscover, createSourceTest } from './source-questions.ts';
import { createSpecPut } from './spec-put.ts';
import { createTokenRotate } from './token-rotate.ts';

export interface HandlerPorts {
  workbench: Workbench;
  executor: Executor;
  credentials: HostCredentialStore;
  onSpec(spec: Spec): void;
}

export function createHandlers({ workbench, executor, credentials, onSpec }: HandlerPorts): AgentPeer {
  const { clock, journal } = workbench;
  /** A repeat of an order that was carried out gets its answer however late it comes. */
  const assertOrderInTime = (id: string, notAfter: number) => {
    if (!journal.orders.find(id)) assertInTime(clock, notAfter);
  };
  return {
    'spec.put': createSpecPut(workbench, onSpec),
    'secrets.put': createSecretsPut(workbench),
    'run.start': (body, id) => {
      assertOrderInTime(id, body.notAfter);
      return executor.startPlan(body, id);
    },
    'restore.start': (body, id) => {
      assertOrderInTime(id, body.notAfter);
      return executor.startRestore(body, id);
    },
    'forget.start': (body, id) => {
      assertOrderInTime(id, body.notAfter);
      return executor.startForget(body, id);
    },
    'check.start': (order, id) => {
      assertOrderInTime(id, order.notAfter);
      return executor.startMaintenance({ kind: 'check', order }, id);
    },
    'prune.start': (order, id) => {
      assertOrderInTime(id, order.notAfter);
      return executor.startMaintenance({ kind: 'prune', order }, id);
    },
    'unlock.start': (order, id) => {
      assertOrderInTime(id, order.notAfter);
      return executor.startMaintenance({ kind: 'unlock', order }, id);
    },
    'drill.start': (body, id) => {
      assertOrderInTime(id, body.notAfter);
      return executor.startDrill(body, id);
    },
    'verify.start': (order, id) => {
      assertOrderInTime(id, order.notAfter);
      return executor.startSnapshots({ kind: 'verify', order }, id);
    },
    'delete_snapshot.start': (order, id) => {
      assertOrderInTime(id, order.notAfter);
      return executor.startSnapshots({ kind: 'delete_snapshot', order }, id);
    },
    'copy.start': (order, id) => {
      assertOrderInTime(id, order.notAfter);
      return executor.startSnapshots({ kind: 'copy', order }, id);
    },
    'retention.start': (order, id) => {
      assertOrderInTime(id, order.notAfter);
      return executor.startSnapshots({ kind: 'retention', order }, id);
    },
    'run.cancel': (body, id) => {
      assertOrderInTime(id, body.notAfter);
      return { known: executor.cancel(body.run) };
    },
    'restore.look': createRestoreLook(workbench),
    'restore.roles': createRestoreRoles(workbench),
    'source.test': createSourceTest(workbench),
    'source.discover': createSourceDiscover(workbench),
    'directories.look': createDirectoriesLook(clock),
    'dump_files.list': createDumpFilesList(workbench),
    'repository.test': createRepositoryTest(workbench),
    'repository.init': createRepositoryInit(workbench),
    'repository.measure': createRepositoryMeasure(workbench),
    'repository.contents': createRepositoryContents(workbench),
    ...createSnapshotQuestions(workbench),
    ...createLockQuestions(workbench),
    'token.rotate': createTokenRotate(workbench, credentials),
  };
}
