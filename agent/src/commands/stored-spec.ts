/** The spec this host holds, for commands that work without the server and beside a running agent. */
import { join } from 'node:path';
import type { Spec } from '@holdfast/shared/domain/plan.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { readSpec } from '../handlers/spec-put.ts';
import { toJournalError } from '../journal/fault.ts';
import { glanceAtJournal, type JournalGlance } from '../journal/peek.ts';
import type { Tooling } from '../runs/workbench.ts';

/** Undefined when there is no journal yet; one that cannot be read is said in the journal's own words. */
export function findJournalGlance(stateDir: string): JournalGlance | undefined {
  try {
    return glanceAtJournal(stateDir);
  } catch (error) {
    throw toJournalError(error, join(stateDir, 'journal.db'));
  }
}

/** Throws `precondition` when there is none yet. */
export function getStoredSpec(tooling: Pick<Tooling, 'crypto' | 'serverKey' | 'hostId'>, stateDir: string): Spec {
  const stored = findJournalGlance(stateDir)?.spec;
  if (!stored) {
    throw new AppError(
      'precondition',
      `${stateDir} holds no plans yet: this host was never connected to its server, or has another state directory (--state-dir)`,
    );
  }
  return readSpec(tooling, stored);
}
