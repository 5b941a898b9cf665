/**
 * The machine key of a repository: a second key beside the person's, whose password is 256 bits that follow from the master key alone.
 * restic makes every derivation from a password dear, about half a second of a processor for each of its commands, so that a person's password
 * cannot be guessed; 256 bits cannot be guessed at any price, so this key's derivation may be cheap. Every agent that may open the repository
 * comes to the same key, byte for byte: a repository has one of it however many hosts use it, and nothing new has to be kept or
 * told to anybody. Whoever does not have the master key cannot compute it. Pure.
 */
import { createHmac } from 'node:crypto';
import { z } from 'zod';
import { deriveSealKey, NONCE_BYTES, nameOf, seal } from './seal.ts';

/** As `restic cat masterkey` prints it; each value in base64. */
export const masterKeySchema = z.object({
  mac: z.object({ k: z.base64().max(64), r: z.base64().max(64) }),
  encrypt: z.base64().max(64),
});
export type MasterKey = z.infer<typeof masterKeySchema>;

export interface MachineKey {
  /** The name of the key's file: 64 hexadecimal digits. */
  id: string;
  password: string;
}

/** With its file, as it lies below `keys/`. */
export interface MachineKeyFile extends MachineKey {
  content: string;
}

/** About 3 ms and 1 MiB: nothing for one command, and no lower than some later restic may refuse. */
const COSTS = { kdf: 'scrypt', N: 1024, r: 8, p: 1 } as const;
/** What `restic key list` shows. The same everywhere, as the rest of the file: its content is its name. */
const SHOWN = { created: '2026-01-01T00:00:00Z', username: 'holdfast', hostname: 'machine-key' } as const;

/** The machine key of the repository with this master key. */
export function createMachineKey(master: MasterKey): MachineKeyFile {
  const { mac, encrypt } = master;
  const secret = Buffer.concat([encrypt, mac.k, mac.r].map((part) => Buffer.from(part, 'base64')));
  const follow = (what: string) => createHmac('sha512', secret).update(`holdfast machine key 1: ${what}`).digest();
  const password = follow('password').subarray(0, 32).toString('base64url');
  const derivation = { ...COSTS, salt: follow('salt').toString('base64') };
  // The nonce may be fixed: under this key this text alone is ever sealed.
  const nonce = follow('nonce').subarray(0, NONCE_BYTES);
  const plain = Buffer.from(JSON.stringify({ mac: { k: mac.k, r: mac.r }, encrypt }));
  const wrapped = seal(deriveSealKey(derivation, password), nonce, plain).toString('base64');
  const content = JSON.stringify({ ...SHOWN, ...derivation, data: wrapped });
  return { id: nameOf(content), password, content };
}
