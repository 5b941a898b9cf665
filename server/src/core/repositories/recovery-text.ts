/** The recovery sheet as plain text, for paper and for a file. Pure. */
import type { RecoverySheet, SheetRepository, SheetSource } from './recovery-sheet.ts';

const formatInstant = (at: number): string => `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
/** One line, whatever a name holds. */
const flatten = (text: string): string => text.replaceAll(/\p{Cc}+/gu, ' ');

/** Whether the password is known to be kept elsewhere, as a part of a sentence. */
function sayProof({ password, proof }: Pick<SheetRepository, 'password' | 'proof'>): string {
  if (password === 'unopened') return 'no host has opened this repository yet';
  if (proof === undefined) return 'never proven: nobody has opened it with a copy of the password yet';
  const long = password === 'old' ? ', which is long ago: prove it again' : '';
  return `proven on ${formatInstant(proof.at)} by ${flatten(proof.by)}, from ${flatten(proof.hostName)}${long}`;
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
  const { name, kind, where, onHost, engineId, opening, blanks, sources, more } = repository;
  const title = `${flatten(name)} (${kind})`;
  return [
    '',
    title,
    '='.repeat(title.length),
    `Address:   ${flatten(where)}${onHost === undefined ? '' : `, on the disk of ${flatten(onHost)}`}`,
    `restic id: ${engineId ?? 'not known'}`,
    `Password:  ${sayProof(repository)}`,
    ...(blanks.length === 0 ? [] : ['', 'Password, or where it is kept: ________________________________________']),
    '',
    'Open it, on any machine with restic 0.14 or newer:',
    '',
    // As they are: a line that ends a file may have nothing before it.
    ...opening,
    'restic snapshots',
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
  const rules = [
    'ID is a snapshot of the list. Restore into a new place. Take one that a clean run vouches for where you know it: a',
    'listed one may be partial, and one tagged plan:safety is what a restore was about to change.',
  ];
  const none = sheet.repositories.length === 0 ? ['', 'There is no repository yet.'] : [];
  const lines = [`${kind}${about}, made ${formatInstant(sheet.madeAt)}`, note, ...rules, ...none];
  return `${[...lines, ...sheet.repositories.flatMap(listRepository)].join('\n')}\n`;
}
