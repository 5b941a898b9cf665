/** Which hosts are connected, and through which session. */
import type { HostId, RunId } from '@holdfast/shared/domain/ids.ts';
import { AppError, type WireError } from '@holdfast/shared/errors.ts';
import { WIRE } from '@holdfast/shared/limits.ts';
import type { AgentFrames, Progress, RequestBody, RequestResult, RequestType } from '@holdfast/shared/protocol/messages.ts';
import { createClaimants } from '../core/hosts/claimants.ts';
import type { Directory } from '../core/ports.ts';

/** One accepted connection, as the directory uses it. */
export interface HostSession {
  readonly host: HostId;
  readonly boot: string;
  request<T extends RequestType>(type: T, body: RequestBody<T>, id: string, timeoutMs: number): Promise<RequestResult<T>>;
  /** Sends spec and waiting orders if there are any; calls that come while one is at work are merged. */
  sync(): void;
  end(error: WireError, reconnect: boolean): void;
  readonly heartbeat: (AgentFrames['heartbeat'] & { at: number }) | undefined;
  /** The newest progress of the runs that go on. */
  readonly progress: ReadonlyMap<RunId, Progress>;
}

export interface HubDirectory extends Directory {
  /** Makes this the host's connection; an older one is told and closed. */
  register(session: HostSession): void;
  /** False when a newer connection has taken the place. */
  unregister(session: HostSession): boolean;
  closeAll(error: WireError): void;
  /** Connections that were registered since this process began. */
  countConnections(): number;
}

export function createDirectory(createRequestId: () => string): HubDirectory {
  const sessions = new Map<HostId, HostSession>();
  let connections = 0;
  return {
    ...createClaimants(WIRE),
    isOnline: (host) => sessions.has(host),
    listOnline: () => [...sessions.keys()],
    async request(host, type, body, options = {}) {
      const session = sessions.get(host);
      if (!session) throw new AppError('unavailable', 'the host is offline; try again when it is connected');
      return session.request(type, body, options.id ?? createRequestId(), options.timeoutMs ?? WIRE.requestTimeoutMs);
    },
    wake(host) {
      sessions.get(host)?.sync();
    },
    disconnect(host, error, reconnect) {
      sessions.get(host)?.end(error, reconnect);
    },
    findHeartbeat: (host) => sessions.get(host)?.heartbeat,
    findProgress: (run) => sessions.get(run.host)?.progress.get(run.id),
    register(session) {
      const older = sessions.get(session.host);
      sessions.set(session.host, session);
      connections += 1;
      // An agent that lives on will dial again; if it is a clone, its counter gives it away then.
      older?.end({ code: 'conflict', message: 'a newer connection of this host has taken over', retry: 'later' }, true);
    },
    unregister(session) {
      if (sessions.get(session.host) !== session) return false;
      sessions.delete(session.host);
      return true;
    },
    countConnections: () => connections,
    closeAll(error) {
      for (const session of sessions.values()) session.end(error, true);
    },
  };
}
