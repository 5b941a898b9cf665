/** Which kinds of sources can be tried out. Pure. */
import { getSourceAdapter } from '@holdfast/shared/adapters/all.ts';

/** Why no dump of this source can be tried out, as a sentence; undefined where one can. */
export function findDrillFault(kind: string): string | undefined {
  const adapter = getSourceAdapter(kind);
  if (adapter.drill || adapter.restore === undefined) return undefined;
  return `a ${adapter.label} cannot be restored on trial: there is no free server of it to restore to`;
}
