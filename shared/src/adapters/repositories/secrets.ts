/** What every repository adapter does with restic's own password, and with texts that carry secrets. */
import type { CommandFile } from '../command.ts';
import { createFieldError, getBoolean, getSecret } from '../config-values.ts';
import type { Field } from '../field.ts';
import type { ObjectStore } from '../repository.ts';
import type { PlanInput } from '../source.ts';

export const PASSWORD_FIELD: Field = {
  kind: 'secret',
  name: 'password',
  label: 'Repository password',
  required: true,
  help: 'restic’s own password: it encrypts everything in the repository. Without it nothing can be restored.',
};

export const CA_CERT_FIELD: Field = {
  kind: 'multiline',
  name: 'caCert',
  label: 'CA certificate',
  advanced: true,
  help: 'PEM; where the server’s certificate is not signed by a public authority.',
};

export const PASSWORD_ONLY_FIELD: Field = {
  kind: 'boolean',
  name: 'passwordOnly',
  label: 'No key of Holdfast’s own',
  default: false,
  advanced: true,
  help: 'Otherwise the first backup adds a second key to the repository, which follows from what is inside and opens it half a second faster at every step. The password stays valid and is all that a restore by hand needs.',
};

/** The store where the agent may write its key there. */
export function allowStore(input: PlanInput, store: ObjectStore): { store?: ObjectStore } {
  return getBoolean(input.config, 'passwordOnly') ? {} : { store };
}

/**
 * The password file. restic drops white space and a byte order mark at the ends of that file, so one line break at the end is
 * no part of a password, and any other white space at its ends is refused instead of being lost. Line breaks inside stay.
 */
export function createPasswordFile(input: PlanInput): CommandFile {
  const password = getSecret(input.secrets, 'password').replace(/\r?\n$/, '');
  if (password === '') throw createFieldError('password', 'is needed');
  if (/^[\s\u0085\ufeff\ufffe]|[\s\u0085\ufeff]$/u.test(password)) {
    throw createFieldError('password', 'must not begin or end with white space, which restic would drop');
  }
  return { path: `${input.workDir}/restic-password`, content: password };
}

/** Shorter texts are left alone: removing them would blank out half of a log. */
const SHORTEST_REDACTED = 6;

/** The texts for the redactor: without repeats, and without those too short to be told from ordinary words. */
export function listRedactions(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)].filter((text) => text.length >= SHORTEST_REDACTED);
}

/** The forms in which a secret shows up in logs besides itself: its lines one by one, and inside JSON. */
export function listSecretForms(secret: string): readonly string[] {
  const lines = secret.split(/\r?\n/).map((line) => line.trim());
  return [...lines.filter((line) => !line.startsWith('-----')), JSON.stringify(secret).slice(1, -1)];
}
