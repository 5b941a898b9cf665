/** Tags for a filter. */
import type { Caller } from '../../../core/caller.ts';
import { listTags } from '../../../core/hosts/hosts.ts';
import type { CoreContext } from '../../../core/ports.ts';

/** Tags of hosts, and the one that is chosen even where no host has it any more. */
export async function listTagChoices(
  context: CoreContext,
  caller: Caller,
  chosen: string | undefined,
): Promise<readonly string[]> {
  const tags = await listTags(context, caller);
  return chosen === undefined || tags.includes(chosen) ? tags : [...tags, chosen];
}
