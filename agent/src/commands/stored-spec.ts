/** The spec this host holds, for commands that work without the server and beside a running agent. */
import type { Spec } from '@holdfast/shared/domain/plan.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { readSpec } from '../handlers/spec-put.ts';
import { glanceAtJournal } from '../journal/peek.ts';
import type { Tooling } from '../runs/workbench.ts';

/** Throws `precondition` when there is none yet. */
export function getStoredSpec(tooling: Pick<Tooling, 'crypto' | 'serverKey' | 'hostId'>, stateDir: string): Spec {
  const stored = glanceAtJournal(stateDir)?.spec;
  if (!stored) {
    throw new AppError(
      'precondition',
      `${stateDir} holds no plans yet: this host was never connected to its server, or has another state directory (--state-dir)`,
    );
  }
  return readSpec(tooling, stored);
}
