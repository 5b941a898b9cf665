/** Passwords of people: Argon2id, at most two at a time, so that a flood of logins costs neither memory nor the pages. */
import type { RandomBytes } from '@holdfast/shared/clock.ts';
import { HTTP } from '@holdfast/shared/limits.ts';
import { hash, type Options, parseOptions, verify } from '@node-rs/argon2';
import { createHashGate } from './hash-gate.ts';

/** 64 MiB, three passes, one lane: about a tenth of a second. */
export const PASSWORD_COST: PasswordCost = { memoryCost: 65_536, timeCost: 3, parallelism: 1, outputLen: 32 };
const SALT_BYTES = 16;
/** `Algorithm.Argon2id` and `Version.V0x13`, whose enums exist only as types. */
const VARIANT: Pick<Options, 'algorithm' | 'version'> = { algorithm: 2, version: 1 };

const PASSWORD_HASHING = {
  concurrent: 2,
  /** Logins that wait for their turn; more are turned away. */
  waiting: 32,
} as const;

/** A hash at this cost that no password has: what the password of an unknown user is compared with. */
export const makeNobodysHash = ({ memoryCost, timeCost, parallelism }: PasswordCost): string =>
  `$argon2id$v=19$m=${memoryCost},t=${timeCost},p=${parallelism}$${'A'.repeat(22)}$${'A'.repeat(43)}`;

interface PasswordCost {
  /** KiB. */
  memoryCost: number;
  /** Passes over the memory. */
  timeCost: number;
  /** Lanes. */
  parallelism: number;
  /** Bytes of the hash. */
  outputLen: number;
}

export interface Passwords {
  /** The PHC string for the store. Throws `limit` when too many hashes wait. */
  hashPassword(password: string): Promise<string>;
  /**
   * Whether the password is the one of the hash. Give `undefined` for a user who does not exist: the answer is false after
   * the same work, so that time does not tell who exists. Throws `limit` when too many hashes wait.
   */
  verifyPassword(storedHash: string | undefined, password: string): Promise<boolean>;
  /** True when the hash was made at another cost; hash again at the next successful login. */
  needsRehash(storedHash: string): boolean;
}

/** `randomBytes` gives the salts; `cost` is the current one unless told. */
export function createPasswords(
  randomBytes: RandomBytes,
  limits: { concurrent: number; waiting: number } = PASSWORD_HASHING,
  cost: PasswordCost = PASSWORD_COST,
): Passwords {
  const nobodysHash = makeNobodysHash(cost);
  const gate = createHashGate(limits);
  return {
    hashPassword(password) {
      return gate.pass(() => hash(normalize(password), { ...cost, ...VARIANT, salt: randomBytes(SALT_BYTES) }));
    },
    async verifyPassword(storedHash, password) {
      const normal = normalize(password);
      // Depends on the input alone, and no stored password is that long.
      if (Buffer.byteLength(normal) > HTTP.passwordMaxBytes) return false;
      const matches = await gate.pass(() => verify(storedHash ?? nobodysHash, normal));
      return matches && storedHash !== undefined;
    },
    needsRehash(storedHash) {
      try {
        const made = parseOptions(storedHash);
        const isSameVariant = made.algorithm === VARIANT.algorithm && made.version === VARIANT.version;
        return !isSameVariant || Object.entries(cost).some(([name, value]) => made[name as keyof PasswordCost] !== value);
      } catch {
        return true;
      }
    },
  };
}

/** Two keyboards may write the same letters in different code points. */
function normalize(password: string): string {
  return password.normalize('NFKC');
}
