/** Whether a host may be told to keep no secrets, or to keep them again. */
import type { SecretsMode } from '@holdfast/shared/domain/plan.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { WIRE } from '@holdfast/shared/limits.ts';
import { hasCapability } from '@holdfast/shared/protocol/capabilities.ts';
import type { HostFacts } from '@holdfast/shared/protocol/messages.ts';
import type { Host } from '../../store/hosts.ts';
import type { CoreContext } from '../ports.ts';
import { measureSpec } from './spec-size.ts';

/** Throws `precondition` for an agent that would go on to run without its secrets. */
export function demandAgentForMode(facts: HostFacts | undefined, mode: SecretsMode | undefined): void {
  if (mode !== 'just_in_time' || hasCapability(facts, 'secrets.put')) return;
  const seen = facts === undefined ? 'it has not connected yet' : `it runs version ${facts.agentVersion}`;
  throw new AppError(
    'precondition',
    `keeping no secrets needs an agent that can: ${seen}. Install a newer agent on the host, let it connect, and try again`,
    { details: { field: 'secretsMode' } },
  );
}

/** Also throws `limit` when secrets that came apart would make the spec bigger than a frame. */
export async function demandSecretsMode(context: CoreContext, host: Host, mode: SecretsMode | undefined): Promise<void> {
  if (mode === undefined || mode === host.secretsMode) return;
  demandAgentForMode(host.facts, mode);
  if (mode === 'just_in_time' || (await measureSpec(context, { ...host, secretsMode: mode })) <= WIRE.frameBytes) return;
  throw new AppError(
    'limit',
    'with its secrets the settings of this host are more than it can be sent; use fewer sources on it',
    {
      retry: 'after_change',
      details: { field: 'secretsMode' },
    },
  );
}
