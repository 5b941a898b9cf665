/** How sources and repositories are named in lists: their kind's label and what the adapter says of their config. */
import { findRepositoryAdapter, findSourceAdapter } from '@holdfast/shared/adapters/all.ts';
import type { Config } from '@holdfast/shared/adapters/field.ts';

interface Described {
  kind: string;
  config: Config;
}

/** Config that an older release wrote may not satisfy today's adapter: a list must show it all the same. */
function describeSafely(describe: ((config: Config) => string) | undefined, config: Config): string {
  try {
    return describe?.(config) ?? '';
  } catch {
    return '';
  }
}

export function labelSourceKind(kind: string): string {
  return findSourceAdapter(kind)?.label ?? kind;
}

export function labelRepositoryKind(kind: string): string {
  return findRepositoryAdapter(kind)?.label ?? kind;
}

/** `app on 127.0.0.1:5432`; empty when it cannot be said. */
export function describeSource(source: Described): string {
  return describeSafely(findSourceAdapter(source.kind)?.describe, source.config);
}

export function describeRepository(repository: Described): string {
  return describeSafely(findRepositoryAdapter(repository.kind)?.describe, repository.config);
}
