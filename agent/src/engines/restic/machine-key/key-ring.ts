/**
 * The machine keys this agent knows, in memory only: after a restart they are computed again. Each belongs to one way of reaching a repository,
 * the password of the person included, so that whoever enters another password has it tried.
 */
import { createHash } from 'node:crypto';
import { dirname } from 'node:path';
import type { Command, CommandFile } from '@holdfast/shared/adapters/command.ts';
import type { RepositoryAccess } from '@holdfast/shared/adapters/repository.ts';
import type { Clock } from '@holdfast/shared/clock.ts';
import type { MachineKey } from './machine-key.ts';

/** A repository that could not take the key, or has none this agent may use, is asked again after this. */
const REFUSAL_MS = 6 * 3_600_000;

export interface HeldKey extends MachineKey {
  /** The person's own key, as its password opened it: where it has gone, that password opens nothing any more. */
  openerId: string;
}

export interface KeyRing {
  find(access: RepositoryAccess): HeldKey | undefined;
  hold(access: RepositoryAccess, key: HeldKey): void;
  forget(access: RepositoryAccess): void;
  forgetAll(): void;
  /** Not to be looked for again for some hours; with `add`, not to be added either. */
  refuse(access: RepositoryAccess, add: boolean): void;
  isRefused(access: RepositoryAccess, add: boolean): boolean;
  /** The access by the machine key where one is held, otherwise as it is. */
  fit(access: RepositoryAccess): RepositoryAccess;
  /** The same command by the persons' passwords, its machine keys forgotten; undefined for a command that used none. */
  giveUp(command: Command): Command | undefined;
}

type Held = { key: HeldKey; password: string };

function findPasswordFile({ env, files }: Pick<Command, 'env' | 'files'>): CommandFile | undefined {
  return files.find(({ path }) => path === env['RESTIC_PASSWORD_FILE']);
}

/** The same for the same repository, credentials and password, whichever work directory it was planned for. */
function fingerprint({ env, files, args }: RepositoryAccess): string {
  const text = JSON.stringify([Object.entries(env), files.map(({ path, content }) => [path, content]), args]);
  const workDir = dirname(env['RESTIC_PASSWORD_FILE'] ?? '');
  return createHash('sha256')
    .update(text.replaceAll(`${workDir}/`, ''))
    .digest('hex');
}

/** The access as somebody with this key and its password has it. */
export function openBy(access: RepositoryAccess, { id, password }: MachineKey): RepositoryAccess {
  const own = findPasswordFile(access);
  return {
    ...access,
    env: { ...access.env, RESTIC_KEY_HINT: id },
    files: access.files.map((file) => (file === own ? { ...file, content: password } : file)),
    redact: [...access.redact, password],
  };
}

export function createKeyRing(clock: Clock): KeyRing {
  const held = new Map<string, Held>();
  const refusals = new Map<string, number>();
  return {
    find: (access) => held.get(fingerprint(access))?.key,
    hold(access, key) {
      const own = findPasswordFile(access);
      if (own) held.set(fingerprint(access), { key, password: own.content });
    },
    forget: (access) => void held.delete(fingerprint(access)),
    forgetAll: () => held.clear(),
    refuse: (access, add) => void refusals.set(`${fingerprint(access)} ${add}`, clock.now() + REFUSAL_MS),
    isRefused: (access, add) => (refusals.get(`${fingerprint(access)} ${add}`) ?? 0) > clock.now(),
    fit(access) {
      const found = held.get(fingerprint(access));
      return found ? openBy(access, found.key) : access;
    },
    giveUp(command) {
      const { RESTIC_KEY_HINT: hint, RESTIC_FROM_KEY_HINT: fromHint, ...env } = command.env;
      if (hint === undefined && fromHint === undefined) return undefined;
      const given = [...held].filter(([, { key }]) => key.id === hint || key.id === fromHint);
      for (const [name] of given) held.delete(name);
      const passwords = new Map(given.map(([, { key, password }]) => [key.password, password]));
      return {
        ...command,
        env,
        files: command.files.map((file) => ({ ...file, content: passwords.get(file.content) ?? file.content })),
      };
    },
  };
}
