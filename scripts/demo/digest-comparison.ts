import { isDeepStrictEqual } from 'node:util';
import type { Digest } from './sample-data.ts';

const SHOWN = 3;

/** Undefined when both hold the same; else how many parts differ, and the first of them by name. */
export function findDifference(expected: Digest, found: Digest): string | undefined {
  // A digest of everything differs whenever a part does, and says nothing more.
  const names = new Set([...Object.keys(expected), ...Object.keys(found)]);
  names.delete('digest');
  const different = [...names].filter((name) => !isDeepStrictEqual(expected[name], found[name]));
  if (different.length === 0) return Object.keys(expected).length === 0 ? 'nothing there to compare' : undefined;
  const shown = different.slice(0, SHOWN).map((name) => `"${name}" is ${describePlace(name in expected, name in found)}`);
  const more = different.length > SHOWN ? ` and ${different.length - SHOWN} more` : '';
  return `${different.length} of ${names.size} parts differ: ${shown.join(', ')}${more}`;
}

function describePlace(isExpected: boolean, isFound: boolean): string {
  if (!isFound) return 'missing in the restored one';
  return isExpected ? 'not the same' : 'only in the restored one';
}

/** How many parts were compared. */
export function countParts(digest: Digest): number {
  return Object.keys(digest).filter((name) => name !== 'digest').length;
}
