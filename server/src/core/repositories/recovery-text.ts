/** The recovery sheet as plain text, for paper and for a file. Pure. */
import { flatten, listAddress, listOpening, RULES } from './opening-text.ts';
import type { RecoverySheet, SheetRepository, SheetSource } from './recovery-sheet.ts';

const formatInstant = (at: number): string => `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`;

/** Whether the password is known to be kept elsewhere, as a part of a sentence. */
function sayProof({ password, proof }: Pick<SheetRepository, 'password' | 'proof'>): string {
  if (password === 'unopened') return 'no host has opened this repository yet';
  if (proof === undefined) return 'never proven: nobody has opened it with a copy of the password yet';
  const long = password === 'old' ? ', which is long ago: prove it again' : '';
  const way = proof.from === undefined ? 'with the recovery key' : `from ${flatten(proof.from)}`;
  return `proven on ${formatInstant(proof.at)} by ${flatten(proof.by)}, ${way}${long}`;
}

function sayBlanks(blanks: SheetRepository['blanks']): readonly string[] {
  const words = blanks.map(({ word, label }) => `${word} (${label})`);
  return [`In these lines replace ${words.join(', ')}.`];
}

function listSource({ id, name, host, kind, newest, lines }: SheetSource): readonly string[] {
  const known =
    newest === undefined
      ? 'no good backup was known when this was made'
      : `newest good backup when this was made: ${newest.engineId.slice(0, 16)} of ${formatInstant(newest.createdAt)}`;
  return [
    '',
    `${flatten(host)} / ${flatten(name)} (${kind}); ${known}`,
    `restic snapshots --tag source:${id},role:data`,
    ...lines,
  ];
}

function listRepository(repository: SheetRepository): readonly string[] {
  const { blanks, sealedAt, sources, more } = repository;
  return [
    '',
    ...listAddress(repository),
    `Password:  ${sayProof(repository)}`,
    ...(sealedAt === undefined ? [] : [`Sealed:    ${formatInstant(sealedAt)}, to the recovery key`]),
    ...(blanks.length === 0 ? [] : ['', 'Password, or where it is kept: ________________________________________']),
    '',
    ...listOpening(repository),
    ...(blanks.length === 0 ? [] : ['', ...sayBlanks(blanks)]),
    ...sources.flatMap(listSource),
    ...(more > 0 ? ['', `and ${more} more sources; restic snapshots lists all`] : []),
  ];
}

/** Ends with a line break. */
export function formatRecoverySheet(sheet: RecoverySheet): string {
  const kind = sheet.hasSecrets ? 'Recovery kit' : 'Recovery sheet';
  const note = sheet.hasSecrets
    ? 'EVERY PASSWORD STANDS IN IT. Keep it where neither this server nor its hosts are needed to read it.'
    : 'No password stands in it. Keep it, and each password, where neither this server nor its hosts are needed to read them.';
  const about = sheet.server === '' ? '' : ` of ${sheet.server}`;
  const key =
    sheet.recipient === undefined
      ? []
      : [
          `Recovery key: ${sheet.recipient}. Whoever has its secret half opens the sealed copies with age: they lie in the`,
          'database of the server, each copy of it included, and in the state directory of the hosts that use a repository.',
        ];
  const none = sheet.repositories.length === 0 ? ['', 'There is no repository yet.'] : [];
  const lines = [`${kind}${about}, made ${formatInstant(sheet.madeAt)}`, note, ...RULES, ...key, ...none];
  return `${[...lines, ...sheet.repositories.flatMap(listRepository)].join('\n')}\n`;
}
