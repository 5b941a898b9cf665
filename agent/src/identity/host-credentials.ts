/**
 * What the server gave this host at enrolment, and the counter of its connections: `<stateDir>/credentials.json`, 0600.
 *
 * Rotation survives a crash at every step. The server sends a new token and accepts both; `rotateToken` puts the new one on
 * disk beside the old one; the next dial tries `listTokens()` in order; `confirmToken` settles on the one the server
 * has accepted. At no instant is the only token on disk one the server has not yet accepted. The one that was replaced is kept
 * as the last to try: worthless to the server that replaced it, and the only one a server restored from an older copy knows.
 */
import { join } from 'node:path';
import { publicKeySchema, tokenSchema } from '@holdfast/shared/crypto/crypto.ts';
import { type HostId, idSchema } from '@holdfast/shared/domain/ids.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import * as z from 'zod';
import { ensurePrivateDirectory, readPrivateFile, removePrivateFile, replacePrivateFile } from './private-file.ts';

export interface HostCredentials {
  hostId: HostId;
  /** The newest token. */
  token: string;
  /** The token before it, until the server has accepted the newest. */
  previousToken?: string | undefined;
  /** The token that was replaced last, for a server restored from a copy of that time. */
  formerToken?: string | undefined;
  /** The server's public signing key, pinned at enrolment. */
  serverKey: string;
  serverUrl: string;
  /** The number of the last connection attempt; only rises. */
  counter: number;
}

/** What enrolment gives; the counter is kept here. */
export type Enrolment = Pick<HostCredentials, 'hostId' | 'token' | 'serverKey' | 'serverUrl'>;

export interface HostCredentialStore {
  /** Undefined while the host is not enrolled. */
  find(): HostCredentials | undefined;
  /** Throws `precondition` while the host is not enrolled. */
  get(): HostCredentials;
  /** Keeps a fresh enrolment. The counter of an earlier enrolment as the same host goes on. */
  save(enrolment: Enrolment): Promise<void>;
  /** The next number to prove; on disk before it is returned, so a crash can never make the host use it twice. */
  nextCounter(): Promise<number>;
  /** Keeps a new token beside the present one. Giving the newest token again changes nothing. */
  rotateToken(token: string): Promise<void>;
  /** The tokens to try when dialling, each once: the newest, the one before it, the one that was replaced last. */
  listTokens(): readonly string[];
  /** The server accepted this one of `listTokens()`: it is the first to try from now on, and the newest of the others the last. */
  confirmToken(token: string): Promise<void>;
  /** Removes the credentials, after the host was revoked or is to be enrolled anew. */
  forget(): Promise<void>;
}

const MAX_BYTES = 16 * 1024;
const agentToken = tokenSchema('hfa');
const credentialsSchema = z.object({
  version: z.literal(1),
  hostId: idSchema('host'),
  token: agentToken,
  previousToken: agentToken.optional(),
  formerToken: agentToken.optional(),
  serverKey: publicKeySchema,
  serverUrl: z.url({ protocol: /^(https?|wss?)$/ }).max(2048),
  counter: z.int().nonnegative(),
});

/**
 * Opens the credentials of a state directory. Throws `precondition` when the file or directory is open to others, and
 * `integrity` when the file is damaged. One store per state directory and process.
 */
export async function openHostCredentials(stateDir: string): Promise<HostCredentialStore> {
  await ensurePrivateDirectory(stateDir);
  const path = join(stateDir, 'credentials.json');
  let current = await findCredentials(stateDir);
  let turn: Promise<unknown> = Promise.resolve();

  /** Changes run one after the other; memory follows the disk, never the other way round. */
  const change = <T>(step: () => Promise<T>): Promise<T> => {
    const done = turn.then(step);
    turn = done.catch(() => undefined);
    return done;
  };
  const write = async (next: HostCredentials): Promise<void> => {
    await replacePrivateFile(path, writeCredentials(next));
    current = next;
  };
  const get = (): HostCredentials => {
    if (current === undefined) throw new AppError('precondition', 'this host is not enrolled yet: approve it on the server');
    return current;
  };

  return {
    find: () => current,
    get,
    save: (enrolment) =>
      change(() => {
        const { hostId, token, serverKey, serverUrl } = enrolment;
        const counter = current?.hostId === hostId ? current.counter : 0;
        return write({ hostId, token, serverKey, serverUrl, counter });
      }),
    nextCounter: () =>
      change(async () => {
        const next = { ...get(), counter: get().counter + 1 };
        await write(next);
        return next.counter;
      }),
    rotateToken: (token) =>
      change(async () => {
        const before = get();
        if (token === before.token) return;
        // Of two tokens the older is the one that was accepted before; the unconfirmed newer one gives way.
        await write({ ...before, token, previousToken: before.previousToken ?? before.token });
      }),
    listTokens() {
      const { token, previousToken, formerToken } = get();
      return [...new Set([token, previousToken, formerToken])].filter((one) => one !== undefined);
    },
    confirmToken: (token) =>
      change(async () => {
        const { token: newest, previousToken, formerToken, ...before } = get();
        const others = [newest, previousToken, formerToken].filter((one) => one !== token);
        if (others.length === 3) throw new AppError('conflict', 'a token was confirmed that this host does not hold');
        const former = others.find((one) => one !== undefined);
        if (token === newest && previousToken === undefined) return;
        await write({ ...before, token, formerToken: former });
      }),
    forget: () =>
      change(async () => {
        await removePrivateFile(path);
        current = undefined;
      }),
  };
}

/** The text of the file. Throws `invalid` by the field's name alone, since its content may be a token. */
function writeCredentials(credentials: HostCredentials): string {
  const checked = credentialsSchema.safeParse({ version: 1, ...credentials });
  if (!checked.success) {
    const places = checked.error.issues.map((issue) => issue.path.join('.'));
    throw new AppError('invalid', `the server gave credentials that are not valid: ${places.join(', ')}`);
  }
  return `${JSON.stringify(checked.data, null, 2)}\n`;
}

/** The credentials as they are on disk, for commands that only look. Same errors as `openHostCredentials`. */
export async function findCredentials(stateDir: string): Promise<HostCredentials | undefined> {
  const path = join(stateDir, 'credentials.json');
  const text = await readPrivateFile(path, MAX_BYTES);
  if (text === undefined) return undefined;
  try {
    const { version: _version, ...credentials } = credentialsSchema.parse(JSON.parse(text));
    return credentials;
  } catch {
    // No cause: a parser's message quotes the text, and the text holds a token.
    throw new AppError(
      'integrity',
      `${path} is damaged: move it away and start the agent, then approve this host again on the server`,
    );
  }
}
