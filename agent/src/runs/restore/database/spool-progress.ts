/** How much of a dump in a file has been restored, from how far each of several readers has come. Pure. */
import type { FilePosition } from '../../../exec/proc.ts';

/**
 * Readers take the pieces of a dump in their order and pass over what others have: those that move now stand around the point up to which
 * everything is done. One that stands still waits, or builds an index. The answer never falls.
 */
export function createSpoolProgress(sizeBytes: number): { look(positions: readonly FilePosition[]): number } {
  let before = new Map<number, number>();
  let done = 0;
  return {
    look(positions) {
      const moving = positions.filter(({ pid, at }) => at > (before.get(pid) ?? 0));
      before = new Map(positions.map(({ pid, at }) => [pid, at]));
      if (moving.length > 0) done = Math.max(done, moving.reduce((sum, { at }) => sum + at, 0) / moving.length);
      return Math.min(Math.round(done), sizeBytes);
    },
  };
}
