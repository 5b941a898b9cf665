import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Everything the demo keeps between starts lies below one folder; removing the folder makes the next start the first one. */
export type StateFolder = {
  readonly root: string;
  /** What the server, the agent and one-shot commands print. */
  readonly logs: string;
  readonly server: string;
  readonly agent: string;
  readonly postgres: string;
  readonly mariadb: string;
  /** The sample documents that are backed up. */
  readonly documents: string;
  readonly repository: string;
  /** Where the documents are restored to. */
  readonly restored: string;
};

export async function openStateFolder(root: string): Promise<StateFolder> {
  const folder: StateFolder = {
    root,
    logs: join(root, 'logs'),
    server: join(root, 'server'),
    agent: join(root, 'agent'),
    postgres: join(root, 'postgres'),
    mariadb: join(root, 'mariadb'),
    documents: join(root, 'documents'),
    repository: join(root, 'repository'),
    restored: join(root, 'restored'),
  };
  await mkdir(folder.logs, { recursive: true });
  // Others may pass, because the database servers run under accounts of their own; what is private is private by itself.
  await chmod(root, 0o711);
  await chmod(folder.logs, 0o700);
  return folder;
}

export async function findText(path: string): Promise<string | undefined> {
  return (await readFile(path, 'utf8').catch(() => undefined))?.trim();
}

/** Writes a file that only this user can read, whole or not at all. */
export async function writePrivate(path: string, text: string): Promise<void> {
  const draft = `${path}.new`;
  await rm(draft, { force: true });
  await writeFile(draft, `${text}\n`, { mode: 0o600, flag: 'wx' });
  await rename(draft, path);
}

/** The secret kept under this name, made at the first call. */
export async function ensureSecret(path: string): Promise<string> {
  const kept = await findText(path);
  if (kept !== undefined && kept !== '') return kept;
  const secret = createPassword();
  await writePrivate(path, secret);
  return secret;
}

/** 120 random bits in groups of five that can be typed. */
export function createPassword(): string {
  const letters = 'abcdefghjkmnpqrstuvwxyz23456789ABCDEFGHJKLMNPQRSTUVWXYZ';
  const drawn = [...randomBytes(200)].filter((byte) => byte < 256 - (256 % letters.length)).slice(0, 20);
  const text = drawn.map((byte) => letters[byte % letters.length]).join('');
  return (text.match(/.{5}/g) ?? []).join('-');
}
