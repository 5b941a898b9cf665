/** What opens a repository, as plain text. Pure. */
import type { RepositoryOpening } from './repository-opening.ts';

/** One line, whatever a name holds. */
export const flatten = (text: string): string => text.replaceAll(/\p{Cc}+/gu, ' ');

/** Name, address and restic's id, each with its line. */
export function listAddress({ name, kind, where, onHost, engineId }: RepositoryOpening): readonly string[] {
  const title = `${flatten(name)} (${kind})`;
  return [
    title,
    '='.repeat(title.length),
    `Address:   ${flatten(where)}${onHost === undefined ? '' : `, on the disk of ${flatten(onHost)}`}`,
    `restic id: ${engineId ?? 'not known'}`,
  ];
}

/** The lines themselves, with what comes after them. */
export function listOpening({ opening }: RepositoryOpening): readonly string[] {
  // As they are: a line that ends a file may have nothing before it.
  return ['Open it, on any machine with restic 0.14 or newer:', '', ...opening, 'restic snapshots'];
}

export const RULES: readonly string[] = [
  'ID is a snapshot of the list. Restore into a new place. Take one that a clean run vouches for where you know it: a',
  'listed one may be partial, and one tagged plan:safety is what a restore was about to change.',
];

/**
 * What is sealed of one repository: all that opens it, and nothing that changes while it does not. Ends with a line break.
 */
export function formatRecoveryCopy(opening: RepositoryOpening): string {
  const lines = [
    'Recovery copy of one repository. EVERY PASSWORD STANDS IN IT: it was sealed to the recovery key, keep it as secret.',
    ...RULES,
    '',
    ...listAddress(opening),
    '',
    ...listOpening(opening),
    'restic restore ID --target /restored --verify',
  ];
  return `${lines.join('\n')}\n`;
}
