/** Asks hosts how big repositories are, a few at a time. Nobody waits for it: it takes minutes where a repository is large. */
import type { HostId, RepositoryId } from '@holdfast/shared/domain/ids.ts';
import { MINUTE_MS } from '@holdfast/shared/durations.ts';
import type { Repository } from '../../store/repositories.ts';
import { TOPICS } from '../bus.ts';
import type { CoreContext } from '../ports.ts';
import { draftFor } from '../restores/restore-draft.ts';

const LIFE_MS = 20 * MINUTE_MS;
const AT_ONCE = 2;
/** What could not be measured is asked for again after this long. */
const AGAIN_MS = 60 * MINUTE_MS;

export interface Measuring {
  /** Asks the host, unless too much is being measured already; what it answers is kept. */
  begin(repository: Repository, host: HostId): void;
  close(): void;
}

export function createMeasuring(context: CoreContext): Measuring {
  const { store, clock, log } = context;
  const underWay = new Set<RepositoryId>();
  const notBefore = new Map<RepositoryId, number>();
  let isClosed = false;

  async function measure(repository: Repository, id: HostId): Promise<void> {
    const host = await store.hosts.findHost(repository.tenant, id);
    if (!host) return;
    const ref = context.createId('request');
    const size = await context.directory.request(
      id,
      'repository.measure',
      {
        ref: `${ref}.repositories`,
        draft: draftFor(context, host, ref, 'repositories', repository),
        ...(repository.engineId === undefined ? {} : { pinnedId: repository.engineId }),
        notAfter: clock.now() + LIFE_MS,
      },
      { timeoutMs: LIFE_MS },
    );
    if (isClosed) return;
    await store.maintenance.recordMeasurement(repository.tenant, repository.id, { ...size, measuredAt: clock.now(), host: id });
    context.bus.publish(repository.tenant, { kind: 'refresh', topic: TOPICS.repositories });
  }

  return {
    begin(repository, host) {
      const { id } = repository;
      if (isClosed || underWay.has(id) || underWay.size >= AT_ONCE || (notBefore.get(id) ?? 0) > clock.now()) return;
      underWay.add(id);
      notBefore.set(id, clock.now() + AGAIN_MS);
      measure(repository, host)
        .catch((error: unknown) => {
          if (!isClosed) log.warn({ repository: id, err: error }, 'a repository could not be measured');
        })
        .finally(() => underWay.delete(id));
    },
    close() {
      isClosed = true;
    },
  };
}
