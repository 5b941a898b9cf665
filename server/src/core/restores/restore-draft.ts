/** Sources and repositories as questions and orders about restores bring them to a host. */
import type { Config, Secrets } from '@holdfast/shared/adapters/field.ts';
import type { RequestId } from '@holdfast/shared/domain/ids.ts';
import type { AdapterDraft } from '@holdfast/shared/protocol/messages.ts';
import type { Host } from '../../store/hosts.ts';
import type { Repository } from '../../store/repositories.ts';
import type { Source } from '../../store/sources.ts';
import type { CoreContext } from '../ports.ts';
import { decryptSecrets, sealSecrets } from '../secrets.ts';

/** What stands in the clear for as long as it takes to seal it. */
interface Opened {
  config: Config;
  secrets: Secrets;
}

/** A source or repository with its secrets sealed for one request to one host; `change` may put others in their place. */
export function draftFor(
  context: CoreContext,
  host: Host,
  ref: RequestId,
  table: 'sources' | 'repositories',
  row: Source | Repository,
  change: (stored: Opened) => Opened = (stored) => stored,
): AdapterDraft {
  const stored = decryptSecrets(context, { tenant: row.tenant, table, row: row.id }, row.secrets);
  const { config, secrets: values } = change({ config: row.config, secrets: stored });
  // The row's id stands in the reference, so that the secrets of one cannot be handed over as the other's.
  const binding = { host: host.id, purpose: 'request' as const, ref: `${ref}.${table}`, version: 1 };
  const secrets = sealSecrets(context, host.sealingKey, binding, values);
  return { kind: row.kind, config: config as AdapterDraft['config'], ...(secrets ? { secrets } : {}) };
}
