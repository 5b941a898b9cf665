/**
 * After a crash while files took their place. All of them had been compared with the snapshot before: into a new directory the rest is moved
 * as well. In place the rest follows too, but for what somebody has made or changed there since. After the host itself went down nothing more is
 * replaced, because what was written beside it may not have reached the disk; how far it came is said.
 */
import { readdir } from 'node:fs/promises';
import { toAppError } from '@holdfast/shared/errors.ts';
import type { RestoreTarget } from '@holdfast/shared/protocol/events.ts';
import { readBootId } from '../../../exec/proc.ts';
import type { HalfRestored } from '../../journaled-run.ts';
import { placeStaged } from './restore-directory.ts';
import { finishInPlace } from './restore-in-place.ts';
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
  { files, since, boot }: NonNullable<HalfRestored['placing']>,
  configured: readonly string[],
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
  const words: string[] = [];
  if (target.kind === 'in_place' && since !== undefined && boot === readBootId()) {
    try {
      const { left } = finishInPlace(run, { paths: target.paths, configured, since });
      if (left.length === 0)
        return { isWhole: true, words: 'The agent ended while files took their place; the others have followed now' };
      words.push(...left);
    } catch (thrown) {
      words.push(toAppError(thrown).message);
    }
  }
  const left = await countFiles(staging).catch(() => files);
  const placed = Math.max(0, files - left);
  const said = `${placed} of ${files} files have taken their place, each as a whole; the others are as they were`;
  return { isWhole: false, words: [said, ...words].join('. ') };
}
