/** What hosts tell: proofs, durable events, contact. The hub calls this and knows nothing of the store. */

import { verifyConnectClaim } from '@holdfast/shared/crypto/proof.ts';
import type { HostId, TenantId } from '@holdfast/shared/domain/ids.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { WIRE } from '@holdfast/shared/limits.ts';
import type { SequencedEvent } from '@holdfast/shared/protocol/events.ts';
import type { AgentFrames, Progress } from '@holdfast/shared/protocol/messages.ts';
import { negotiateVersion } from '@holdfast/shared/protocol/version.ts';
import type { Host, HostToken } from '../store/hosts.ts';
import { TOPICS } from './bus.ts';
import type { CoreContext } from './ports.ts';
import { failForgottenRuns } from './run-orders.ts';

/** The host behind a bearer token; undefined for a token that is unknown or revoked. */
export async function findHostByToken(
  context: CoreContext,
  token: string,
): Promise<{ host: Host; token: HostToken } | undefined> {
  return context.store.hosts.findHostByToken(context.crypto.hashToken(token));
}

export interface Acceptance {
  version: number;
  host: Host;
  /** The last applied event of the outbox epoch the host speaks of. */
  acknowledged: number;
}

/**
 * Judges a hello. Throws `unauthenticated` for a wrong proof, `unsupported` for versions that do not meet,
 * and `conflict` for a counter that did not rise: two machines use one identity, so the host is quarantined.
 */
export async function acceptHello(
  context: CoreContext,
  presented: { host: Host; token: HostToken },
  hello: AgentFrames['hello'],
  nonce: string,
): Promise<Acceptance> {
  const { store, clock, crypto, identity } = context;
  const { host, token } = presented;
  const version = negotiateVersion(hello.protocol);
  if (version === undefined)
    throw new AppError(
      'unsupported',
      'this agent speaks a protocol version this server does not know; update the older of the two',
    );
  if (hello.host !== host.id) throw new AppError('unauthenticated', 'the token belongs to another host');
  const claim = { serverKey: identity.publicKey, hostId: host.id, nonce, counter: hello.counter, bootId: hello.boot };
  if (!verifyConnectClaim(crypto, host.signingKey, claim, hello.proof)) {
    throw new AppError('unauthenticated', 'the proof does not belong to this host’s key');
  }
  if (!(await store.hosts.advanceCounter(host.id, hello.counter, hello.boot))) {
    await quarantineHost(
      context,
      host,
      'its connection counter went back: two machines use the same identity, or an old copy of its state was restored',
    );
    throw new AppError(
      'conflict',
      'this identity is in use twice; the host was quarantined. Enrol it again with a fresh state directory',
      { retry: 'never' },
    );
  }
  if (hello.specVersion > host.specVersion) await outrunSpec(context, host, hello.specVersion);
  const now = clock.now();
  await store.hosts.settleHostToken(token.hash, now);
  await store.hosts.recordContact(host.id, { at: now, facts: hello.facts, tools: hello.tools });
  const position = await store.hosts.getEventPosition(host.id, hello.outbox.epoch);
  await failForgottenRuns(context, host, hello, position.seq);
  return { version, host, acknowledged: position.seq };
}

/** A server restored from a copy counts behind its hosts, which refuse an older spec: it goes on above what they have. */
async function outrunSpec(context: CoreContext, host: Host, version: number): Promise<void> {
  if (version > WIRE.specVersionMax) {
    throw new AppError('invalid', 'this host names a spec version that no server gave it; enrol it again with a fresh state', {
      retry: 'never',
    });
  }
  await context.store.hosts.raiseSpecVersion(host.id, version);
  const text = `the host has version ${version} of its settings, this server only gave ${host.specVersion}: the server's data is older than the host's. It is sent the present ones under a higher number`;
  await recordHappening(context, host, 'host.spec_ahead', 'warn', text);
}

/** Takes a host out of service until a person enrols it again. Whichever of the two is connected now is cut off as well. */
export async function quarantineHost(context: CoreContext, host: Host, why: string): Promise<void> {
  await context.store.hosts.setHostState(host.tenant, host.id, 'quarantined');
  context.directory.disconnect(
    host.id,
    { code: 'conflict', message: `this host was quarantined: ${why}`, retry: 'never' },
    false,
  );
  await recordHappening(context, host, 'host.quarantined', 'error', why);
  context.log.error({ host: host.id, why }, 'host quarantined');
}

export async function recordHappening(
  context: CoreContext,
  host: Pick<Host, 'id' | 'tenant'>,
  type: string,
  level: 'info' | 'warn' | 'error',
  text: string,
): Promise<void> {
  await context.store.trail.appendHappening({ tenant: host.tenant, host: host.id, at: context.clock.now(), type, level, text });
  announceHost(context, host);
}

/** Pages that show this host look again. */
export function announceHost(context: CoreContext, host: Pick<Host, 'id' | 'tenant'>): void {
  for (const topic of [TOPICS.hosts, TOPICS.host(host.id), TOPICS.counts, TOPICS.overview]) {
    context.bus.publish(host.tenant, { kind: 'refresh', topic });
  }
}

/** Applies durable events and tells the browsers; returns what may be acknowledged. */
export async function applyHostEvents(
  context: CoreContext,
  host: Pick<Host, 'id' | 'tenant'>,
  epoch: string,
  events: readonly SequencedEvent[],
): Promise<number> {
  const applied = await context.store.runs.applyEvents(host.tenant, host.id, epoch, events, context.clock.now());
  for (const { event } of applied.fresh) publishEvent(context, host.tenant, host.id, event);
  return applied.through;
}

function publishEvent(context: CoreContext, tenant: TenantId, host: HostId, event: SequencedEvent['event']): void {
  const refresh = (...topics: string[]) => {
    for (const topic of topics) context.bus.publish(tenant, { kind: 'refresh', topic });
  };
  switch (event.type) {
    case 'run.log':
      context.bus.publish(tenant, { kind: 'log', topic: TOPICS.run(event.run), run: event.run, lines: event.lines });
      return;
    case 'run.stage':
    case 'run.finalizing':
    case 'part.finished':
      refresh(TOPICS.run(event.run), TOPICS.runs);
      return;
    case 'snapshot.made':
      refresh(TOPICS.run(event.run), TOPICS.snapshots);
      return;
    case 'run.created':
    case 'run.started':
    case 'run.finished':
      refresh(
        TOPICS.run(event.run),
        TOPICS.runs,
        TOPICS.overview,
        TOPICS.counts,
        TOPICS.sources,
        TOPICS.snapshots,
        TOPICS.host(host),
      );
      return;
    case 'repository.reconciled':
      refresh(TOPICS.repositories, TOPICS.snapshots);
      return;
    case 'host.notice':
      refresh(TOPICS.host(host));
  }
}

/** Progress goes straight to whoever watches, if the run is this host's. */
export function publishProgress(context: CoreContext, host: Pick<Host, 'tenant'>, progress: Progress): void {
  context.bus.publish(host.tenant, { kind: 'progress', topic: TOPICS.run(progress.run), run: progress.run, progress });
}
