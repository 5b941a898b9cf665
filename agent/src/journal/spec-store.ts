/** The last spec the server signed for this host; what the agent works by while the server is away. */
import type { Clock } from '@holdfast/shared/clock.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import type { Database } from './database.ts';

export interface StoredSpec {
  /** The signed text, byte for byte. */
  document: string;
  signature: string;
  version: number;
}

export interface SpecStore {
  /**
   * Stores a spec whose signature the caller has checked. Repeating the stored one is harmless. Throws `conflict` for an
   * older version, and for another document under the same version.
   */
  save(document: string, signature: string, version: number): void;
  load(): StoredSpec | undefined;
}

export function createSpecStore(database: Database, clock: Pick<Clock, 'now'>): SpecStore {
  const select = database.prepare('SELECT document, signature, version FROM spec WHERE slot = 1');
  const replace = database.prepare(
    'INSERT OR REPLACE INTO spec (slot, version, document, signature, saved_at) VALUES (1, ?, ?, ?, ?)',
  );
  const load = () => select.get() as unknown as StoredSpec | undefined;
  return {
    load,
    save(document, signature, version) {
      database.transact(() => {
        const stored = load();
        if (stored && version < stored.version) {
          throw new AppError('conflict', `spec version ${version} is older than version ${stored.version} of this host`, {
            retry: 'never',
            details: { version: stored.version },
          });
        }
        if (stored && version === stored.version) {
          if (stored.document === document) return;
          throw new AppError('conflict', `this host already has another spec of version ${version}`, {
            retry: 'never',
            details: { version: stored.version },
          });
        }
        replace.run(version, document, signature, clock.now());
      });
    },
  };
}
