/**
 * Looks at the places of this host's repositories: how much room is left where one lies on this host, and how long the certificate of an https
 * address lasts. No repository is opened for it, and no tool is started.
 */
import { connect } from 'node:tls';
import { findRepositoryAdapter } from '@holdfast/shared/adapters/all.ts';
import type { RepositoryAdapter } from '@holdfast/shared/adapters/repository.ts';
import type { Clock } from '@holdfast/shared/clock.ts';
import type { RepositoryId } from '@holdfast/shared/domain/ids.ts';
import type { Spec, SpecRepository } from '@holdfast/shared/domain/plan.ts';
import { REPOSITORY_LOOKS } from '@holdfast/shared/limits.ts';
import type { RepositoryLook } from '@holdfast/shared/protocol/repository-looks.ts';
import { findFreeBytes, findInTime } from '../host/free-bytes.ts';

export interface RepositoryWatch {
  /** Looks at what is due, and tells what was not told yet; to be called often. Resolves when the looks that it began have ended. */
  tick(): Promise<void>;
}

export interface RepositoryWatchPorts {
  clock: Pick<Clock, 'now' | 'monotonicMs'>;
  spec(): Spec | undefined;
  /** False where there is no line to the server. */
  report(looks: readonly RepositoryLook[]): boolean;
}

type Seen = Pick<RepositoryLook, 'freeBytes' | 'certificateEndsAt'>;

interface Watched {
  version: number;
  /** On the monotonic clock. */
  dueAt: number;
  isUnderWay: boolean;
  untold?: RepositoryLook | undefined;
}

/** When the certificate ends that is shown at an https address; undefined where nobody answers. Whether it is trusted is not asked. */
function readCertificateEnd({ hostname, port }: URL): Promise<number | undefined> {
  const host = hostname.replace(/^\[|\]$/gu, '');
  const servername = /^[\d.]+$|:/u.test(host) ? '' : host;
  return new Promise((resolve) => {
    const socket = connect({ host, port: port === '' ? 443 : Number(port), servername, rejectUnauthorized: false });
    const end = (at: number | undefined) => {
      socket.destroy();
      resolve(at);
    };
    socket.setTimeout(REPOSITORY_LOOKS.lookMs, () => end(undefined));
    socket.on('error', () => end(undefined));
    socket.on('secureConnect', () => {
      const at = Date.parse(socket.getPeerCertificate().valid_to ?? '');
      end(Number.isNaN(at) ? undefined : at);
    });
  });
}

function findAddress({ address }: RepositoryAdapter, { config }: SpecRepository): URL | undefined {
  try {
    const url = address?.(config);
    return url?.protocol === 'https:' ? url : undefined;
  } catch {
    // Whoever opens it is told what is wrong with its address.
    return undefined;
  }
}

/** What there is to see; undefined for a repository of which this host sees nothing but through restic. */
function planLook(repository: SpecRepository): { everyMs: number; see(): Promise<Seen | undefined> } | undefined {
  const adapter = findRepositoryAdapter(repository.kind);
  const path = adapter?.localPath?.(repository.config);
  if (path !== undefined)
    return {
      everyMs: REPOSITORY_LOOKS.diskEveryMs,
      async see() {
        const freeBytes = await findFreeBytes(path);
        return freeBytes === undefined ? undefined : { freeBytes };
      },
    };
  const url = adapter && findAddress(adapter, repository);
  if (url === undefined) return undefined;
  return {
    everyMs: REPOSITORY_LOOKS.certificateEveryMs,
    async see() {
      const certificateEndsAt = await findInTime(readCertificateEnd(url));
      return certificateEndsAt === undefined ? undefined : { certificateEndsAt };
    },
  };
}

export function createRepositoryWatch({ clock, spec, report }: RepositoryWatchPorts): RepositoryWatch {
  const watched = new Map<RepositoryId, Watched>();

  /** Those of the spec and no others; one that is new or was changed is looked at soon. */
  function keepUp(repositories: readonly SpecRepository[]): void {
    const there = new Set(repositories.map(({ id }) => id));
    for (const id of watched.keys()) if (!there.has(id)) watched.delete(id);
    for (const { id, version } of repositories)
      if (watched.get(id)?.version !== version) watched.set(id, { version, dueAt: clock.monotonicMs(), isUnderWay: false });
  }

  async function lookAt(repository: SpecRepository, entry: Watched): Promise<void> {
    const look = planLook(repository);
    if (look === undefined) {
      entry.dueAt = Number.POSITIVE_INFINITY;
      return;
    }
    entry.isUnderWay = true;
    const seen = await look.see();
    entry.isUnderWay = false;
    entry.dueAt = clock.monotonicMs() + (seen === undefined ? Math.min(look.everyMs, REPOSITORY_LOOKS.againMs) : look.everyMs);
    if (seen !== undefined) entry.untold = { repository: repository.id, at: clock.now(), ...seen };
  }

  function tell(): void {
    const waiting = [...watched.values()].filter(({ untold }) => untold !== undefined);
    for (let at = 0; at < waiting.length; at += REPOSITORY_LOOKS.looksPerFrame) {
      const some = waiting.slice(at, at + REPOSITORY_LOOKS.looksPerFrame);
      if (!report(some.flatMap(({ untold }) => untold ?? []))) return;
      for (const entry of some) entry.untold = undefined;
    }
  }

  return {
    async tick() {
      const repositories = spec()?.repositories ?? [];
      keepUp(repositories);
      const now = clock.monotonicMs();
      await Promise.all(
        repositories.map(async (repository) => {
          const entry = watched.get(repository.id);
          if (entry !== undefined && !entry.isUnderWay && entry.dueAt <= now) await lookAt(repository, entry);
        }),
      );
      tell();
    },
  };
}
