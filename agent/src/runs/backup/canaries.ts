/** Files that an operator named, noted as they are while they are backed up. Nothing of it can make a backup fail. */
import { lstat } from 'node:fs/promises';
import type { TreeArtifact } from '@holdfast/shared/adapters/source.ts';
import type { Canary } from '@holdfast/shared/domain/contents.ts';
import { RECORD } from '@holdfast/shared/limits.ts';
import { hashSteady } from '../file-hash.ts';
import { isBelow } from './mounts.ts';

interface Sighting {
  path: string;
  sizeBytes: bigint;
  modifiedNs: bigint;
}

export interface CanaryWatch {
  /** Sentences a person should read. */
  warnings: readonly string[];
  /** Called when the backup is over: those that are what they were when it began. */
  finish(signal: AbortSignal): Promise<readonly Canary[]>;
}

/** Looks at the canaries before the backup reads them; they are hashed after it, when nobody waits for the engine's lock. */
export async function watchCanaries({ canaries, paths }: Pick<TreeArtifact, 'canaries' | 'paths'>): Promise<CanaryWatch> {
  const warnings: string[] = [];
  const seen: Sighting[] = [];
  for (const path of canaries) {
    if (!paths.some((folder) => isBelow(path, folder))) {
      warnings.push(`The canary ${path} is not below the paths of this source; it is not looked for`);
      continue;
    }
    const found = await lstat(path, { bigint: true }).catch(() => undefined);
    if (!found?.isFile()) warnings.push(`The canary ${path} is not there, or is no plain file`);
    else if (found.size > BigInt(RECORD.canaryBytes)) warnings.push(`The canary ${path} is too big for one`);
    else seen.push({ path, sizeBytes: found.size, modifiedNs: found.mtimeNs });
  }
  return {
    warnings,
    async finish(signal) {
      const kept: Canary[] = [];
      for (const { path, sizeBytes, modifiedNs } of seen) {
        const sha256 = await hashSteady(path, ({ size, mtimeNs }) => size === sizeBytes && mtimeNs === modifiedNs, signal);
        if (sha256 !== undefined) kept.push({ path, sizeBytes: Number(sizeBytes), sha256 });
      }
      return kept;
    },
  };
}
