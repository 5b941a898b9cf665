/**
 * Secrets of a host that keeps none: in memory, still sealed, and opened only while a run prepares its tools. What is forgotten is
 * overwritten. A spec's set comes whole with each connection; what belongs to one restore comes with its order.
 */
import type { Crypto } from '@holdfast/shared/crypto/crypto.ts';
import type { SealedSecrets } from '@holdfast/shared/crypto/sealed.ts';
import type { RunId } from '@holdfast/shared/domain/ids.ts';
import type { RequestBody } from '@holdfast/shared/protocol/messages.ts';

/** What one set of secrets is for; `ref` as in the binding under its seal. */
export interface SecretName {
  purpose: 'source' | 'repository' | 'request';
  ref: string;
}

/** Secrets that come apart from what they belong to: sealed from the server, or in the clear from whoever sits at the host. */
export interface SecretsApart {
  /** Whether nothing secret may be written down on this host. */
  readonly keepsNone?: boolean;
  find(name: SecretName): { sealed: SealedSecrets } | { values: Readonly<Record<string, string>> } | undefined;
}

export interface SecretHolder extends SecretsApart {
  /** Whether nothing secret may be written down on this host. */
  readonly keepsNone: boolean;
  /** The mode of the spec the host works by. Where secrets are kept in the spec, none are held here once no run uses them. */
  setKeepsNone(keepsNone: boolean): void;
  /** Takes the whole set of a spec; what it does not name is forgotten once no run uses it. */
  put(items: RequestBody<'secrets.put'>['items']): void;
  /** Whether a run that begins now would find them; false for what is here only for runs under way. */
  isHeld(name: SecretName): boolean;
  /** The line to the server came or went. Without it everything is forgotten after `lingerMs`, or when the last run has ended. */
  setConnected(isConnected: boolean): void;
  /** A run uses what is held now, until it calls back. */
  lease(): () => void;
  /** Holds what came with the order of one restore, until `release`. */
  holdFor(run: RunId, ref: string, sealed: SealedSecrets): void;
  /** That restore has ended. */
  release(run: RunId): void;
  /** Forgets everything at once and for good: the agent ends. */
  wipe(): void;
}

interface Held {
  box: Uint8Array;
  signature: string;
  /** Set for what came with the order of a restore. */
  run?: RunId;
}

export interface SecretHolderOptions {
  crypto: Pick<Crypto, 'toBase64Url' | 'fromBase64Url' | 'wipe'>;
  lingerMs: number;
  /** Calls back once after `ms`; returns how to stop that. */
  setTimer(ms: number, callback: () => void): () => void;
  /** What a run that begins now finds has changed. */
  onChange(): void;
}

const toKey = ({ purpose, ref }: SecretName): string => `${purpose} ${ref}`;

export function createSecretHolder({ crypto, lingerMs, setTimer, onChange }: SecretHolderOptions): SecretHolder {
  const held = new Map<string, Held>();
  /** What runs that begin now may use of a spec's set. */
  let current: ReadonlySet<string> = new Set();
  let keepsNone = false;
  let leases = 0;
  let isWiped = false;
  let stopTimer: (() => void) | undefined;

  const forget = (key: string): void => {
    const entry = held.get(key);
    if (entry) crypto.wipe(entry.box);
    held.delete(key);
  };
  const keep = (name: SecretName, { box, signature }: SealedSecrets, run?: RunId): void => {
    forget(toKey(name));
    held.set(toKey(name), { box: crypto.fromBase64Url(box), signature, ...(run === undefined ? {} : { run }) });
  };
  const forgetUnused = (): void => {
    if (leases > 0) return;
    for (const [key, { run }] of [...held]) if (run === undefined && !current.has(key)) forget(key);
  };
  const setCurrent = (keys: ReadonlySet<string>): void => {
    current = keys;
    forgetUnused();
    onChange();
  };

  return {
    get keepsNone() {
      return keepsNone;
    },
    setKeepsNone(next) {
      keepsNone = next;
      if (!next && current.size > 0) setCurrent(new Set());
    },
    put(items) {
      for (const { sealed, ...name } of items) keep(name, sealed);
      setCurrent(new Set(items.map(toKey)));
    },
    isHeld: (name) => current.has(toKey(name)),
    find(name) {
      const entry = held.get(toKey(name));
      return entry && { sealed: { box: crypto.toBase64Url(entry.box), signature: entry.signature } };
    },
    setConnected(isConnected) {
      stopTimer?.();
      if (isWiped) return;
      stopTimer = isConnected
        ? undefined
        : setTimer(lingerMs, () => {
            stopTimer = undefined;
            setCurrent(new Set());
          });
    },
    lease() {
      leases += 1;
      let isOpen = true;
      return () => {
        if (isOpen) leases -= 1;
        isOpen = false;
        forgetUnused();
      };
    },
    holdFor: (run, ref, sealed) => keep({ purpose: 'request', ref }, sealed, run),
    release(run) {
      for (const [key, entry] of [...held]) if (entry.run === run) forget(key);
    },
    wipe() {
      isWiped = true;
      stopTimer?.();
      for (const key of [...held.keys()]) forget(key);
      current = new Set();
    },
  };
}
