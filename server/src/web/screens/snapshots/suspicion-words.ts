/** What is odd about the size of a snapshot, as a sentence. Pure. */
import type { Snapshot } from '../../../store/snapshots.ts';
import { formatBytes } from '../../ui/quantity.ts';

export function describeSuspicion({ suspicion, sizeBytes }: Pick<Snapshot, 'suspicion' | 'sizeBytes'>): string | undefined {
  if (suspicion === undefined) return undefined;
  const sizes = `${formatBytes(sizeBytes)} where ${formatBytes(suspicion.usualBytes)} were usual`;
  return suspicion.kind === 'shrunk'
    ? `Far smaller than the backups before it: ${sizes}. It was stored whole, but the source may have lost something. Look at the source before you rely on it.`
    : `Far larger than the backups before it: ${sizes}. It was stored whole; see whether the source was meant to grow.`;
}
