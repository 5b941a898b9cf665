/** Small programs that every Linux host has; found by their usual places, never by a path that somebody could change. */
import { existsSync } from 'node:fs';
import { createReasonError } from '@holdfast/shared/domain/reason.ts';

const PACKAGES = { cat: 'coreutils', tail: 'coreutils', sed: 'sed', gzip: 'gzip', sh: 'dash' } as const;

/** Throws `tool_missing` with the package that has it. */
export function findHostProgram(name: keyof typeof PACKAGES): string {
  const found = [`/usr/bin/${name}`, `/bin/${name}`].find((path) => existsSync(path));
  if (found !== undefined) return found;
  throw createReasonError('tool_missing', `${name} is not installed on this host. Install the package ${PACKAGES[name]}.`);
}
