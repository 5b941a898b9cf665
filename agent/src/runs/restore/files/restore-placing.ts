/**
 * After a crash while files took their place. All of them had been compared with the snapshot before: into a new directory the rest is moved
 * as well. In place nothing more is replaced, because by then somebody may have worked with what is there; how far it came is said.
 */
import { readdir } from 'node:fs/promises';
import { toAppError } from '@holdfast/shared/errors.ts';
import type { RestoreTarget } from '@holdfast/shared/protocol/events.ts';
import type { HalfRestored } from '../../journaled-run.ts';
import { placeStaged } from './restore-directory.ts';
import { countFiles, findStaging } from './restore-staging.ts';

export interface Placed {
  isWhole: boolean;
  words: string;
}

/** Whether there is anything at the target, whose private directory is gone. */
async function holdsAnything(target: RestoreTarget): Promise<boolean> {
  if (target.kind !== 'directory') return true;
  const entries = await readdir(target.path).catch(() => []);
  return entries.length > 0;
}

/** Throws nothing. */
export async function settlePlacing(
  run: string,
  target: RestoreTarget,
  { files }: NonNullable<HalfRestored['placing']>,
): Promise<Placed> {
  const [staging] = findStaging(run, target);
  if (staging === undefined) {
    return (await holdsAnything(target))
      ? { isWhole: true, words: 'The agent ended after everything had taken its place' }
      : { isWhole: false, words: 'What had been restored is not there any more' };
  }
  if (target.kind === 'directory') {
    try {
      await placeStaged(staging.toString(), target.path);
      return { isWhole: true, words: 'The agent ended while files took their place; the others have followed now' };
    } catch (thrown) {
      const { message } = toAppError(thrown);
      return { isWhole: false, words: `${target.path} is incomplete: only a part of the files had taken its place. ${message}` };
    }
  }
  const left = await countFiles(staging).catch(() => files);
  const placed = Math.max(0, files - left);
  return {
    isWhole: false,
    words: `${placed} of ${files} files had taken their place, each as a whole; the others are as they were`,
  };
}
