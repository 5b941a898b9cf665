/**
 * Plans with an adapter without running anything, so that values which only clash with one another (a certificate that the TLS
 * mode needs, a password without a user) are refused when they are saved and not at night on the host.
 */
import { getRepositoryAdapter, getSourceAdapter } from '@holdfast/shared/adapters/all.ts';
import type { Config, Field, Secrets } from '@holdfast/shared/adapters/field.ts';
import type { PlanInput, Probe } from '@holdfast/shared/adapters/source.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { createFieldsError } from './adapter-input.ts';

/** Stands where a host's private directory would; nothing is written. */
const NOWHERE = '/run/holdfast/nowhere';
/** What the host tells of the source before a backup; planners work with a source that told nothing. */
const SILENT_PROBE: Probe = { serverVersion: '', facts: {}, warnings: [] };

/** Turns the planner's refusal into an error beside the field that a form shows. */
function attempt(fields: readonly Field[], plan: () => void): void {
  try {
    plan();
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'invalid') throw error;
    const name = typeof error.details['field'] === 'string' ? error.details['field'] : 'form';
    const label = fields.find((field) => field.name === name)?.label ?? name;
    const problem = error.message.replace(/^The field \S+ /, '').replace(/\.$/, '');
    throw createFieldsError({ [name]: `${label}: ${problem}` });
  }
}

/** Throws `invalid` naming the field when no backup can be planned from these values. `secrets` are all, plain. */
export function checkSourcePlan(kind: string, config: Config, secrets: Secrets): void {
  const adapter = getSourceAdapter(kind);
  const input: PlanInput = { config, secrets, workDir: NOWHERE };
  attempt(adapter.fields, () => {
    adapter.planProbe(input);
    adapter.planBackup(input, SILENT_PROBE);
    adapter.discovery?.plan(input);
  });
}

/** Throws `invalid` naming the field when restic cannot be told of the repository with these values. */
export function checkRepositoryPlan(kind: string, config: Config, secrets: Secrets): void {
  const adapter = getRepositoryAdapter(kind);
  attempt(adapter.fields, () => void adapter.planAccess({ config, secrets, workDir: NOWHERE }));
}

/** Throws `invalid` naming `target.database` when the engine cannot have a database of this name through this connection. */
export function checkTargetPlan(kind: string, config: Config, targetDatabase: string): void {
  const { restore, fields } = getSourceAdapter(kind);
  try {
    attempt(fields, () => void restore?.planInspectTarget({ config, secrets: {}, workDir: NOWHERE, targetDatabase }));
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    throw createFieldsError({ 'target.database': error.message.replace(/^targetDatabase: /, 'Target: ') });
  }
}
