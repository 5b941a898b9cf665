/** What hosts tell: proofs, durable events, contact. The hub calls this and knows nothing of the store. */
import { verifyConnectClaim } from '@holdfast/shared/crypto/proof.ts';
import type { HostId, TenantId } from '@holdfast/shared/domain/ids.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { WIRE } from '@holdfast/shared/limits.ts';
import { hasCapability } from '@holdfast/shared/protocol/capabilities.ts';
import type { SequencedEvent } from '@holdfast/shared/protocol/events.ts';
import type { AgentFrames, HostFacts, Progress } from '@holdfast/shared/protocol/messages.ts';
import { negotiateVersion } from '@holdfast/shared/protocol/version.ts';
import type { Host, HostToken } from '../store/hosts.ts';
import type { LogLoss } from '../store/logs.ts';
import { TOPICS } from './bus.ts';
import { recordClearedLocks, tellProvenElsewhere } from './event-consequences.ts';
import type { CoreContext } from './ports.ts';
import { type Doubt, findDoubt, settleDoubt } from './runs/presumed-ends.ts';
import { logRunEvent } from './runs/run-log-lines.ts';

/** The host behind a bearer token; undefined for a token that is unknown or revoked. */
export async function findHostByToken(
  context: CoreContext,
  token: string,
): Promise<{ host: Host; token: HostToken } | undefined> {
  return context.store.hosts.findHostByToken(context.crypto.hashToken(token));
}

/** What a hello leads to. */
export type Acceptance =
  | {
      kind: 'welcome';
      version: number;
      host: Host;
      /** The last applied event of the outbox epoch the host speaks of. */
      acknowledged: number;
      /** This server lacks events it had acknowledged to the host. */
      isOwed: boolean;
      /** Runs that the host did not name; see `settleDoubt`. */
      doubt: Doubt | undefined;
    }
  /** The agent that a person chose to end the quarantine of its host. */
  | { kind: 'chosen'; host: Host };

/** A host token with its host, as they were when the connection was opened, and where it came from. */
export interface Presented {
  host: Host;
  token: HostToken;
  address?: string | undefined;
}

/**
 * Judges a hello. Throws `unauthenticated` for a wrong proof, `unsupported` for versions that do not meet,
 * and `conflict` for a counter that did not rise: two machines use one identity, so the host is quarantined.
 */
export async function acceptHello(
  context: CoreContext,
  presented: Presented,
  hello: AgentFrames['hello'],
  nonce: string,
): Promise<Acceptance> {
  const { store, clock, crypto, identity } = context;
  const { token } = presented;
  const version = negotiateVersion(hello.protocol);
  if (version === undefined)
    throw new AppError(
      'unsupported',
      'this agent speaks a protocol version this server does not know; update the older of the two',
    );
  const host = (await store.hosts.findHost(presented.host.tenant, presented.host.id)) ?? presented.host;
  if (hello.host !== host.id) throw new AppError('unauthenticated', 'the token belongs to another host');
  const claim = { serverKey: identity.publicKey, hostId: host.id, nonce, counter: hello.counter, bootId: hello.boot };
  if (!verifyConnectClaim(crypto, host.signingKey, claim, hello.proof)) {
    throw new AppError('unauthenticated', 'the proof does not belong to this host’s key');
  }
  if (host.state === 'quarantined') return hearClaimant(context, host, presented, hello);
  const proof = { counter: hello.counter, boot: hello.boot, tokenHash: token.hash };
  const judged = await store.hosts.advanceCounter(host.id, proof);
  if (judged === 'stale_token')
    throw new AppError('unauthenticated', 'this token was replaced while the connection was being opened; dial again');
  if (judged === 'repeated') {
    await quarantineClone(context, host, presented, hello);
    throw new AppError(
      'conflict',
      'this identity is in use twice; the host was quarantined until an operator says on its page which agent goes on',
      { retry: 'never' },
    );
  }
  if (isSpecForeign(host, hello)) await outrunSpec(context, host, hello.specVersion);
  const now = clock.now();
  await store.hosts.settleHostToken(token.hash, now);
  await store.hosts.recordContact(host.id, { at: now, facts: hello.facts, tools: hello.tools });
  if (await isOwedCopies(context, host, hello)) await store.hosts.bumpSpec(host.tenant, [host.id]);
  const position = await store.hosts.getEventPosition(host.id, hello.outbox.epoch);
  const isOwed = await isHostOwed(context, host, hello);
  // A host that will send again what it keeps may yet tell of any run.
  const isReplaying = isOwed || (hello.serverEpoch !== undefined && hello.serverEpoch !== context.serverEpoch);
  const doubt = isReplaying ? undefined : await findDoubt(context, host, hello);
  const isSettled = doubt !== undefined && (await settleDoubt(context, doubt, hello.outbox.epoch, position.seq));
  return { kind: 'welcome', version, host, acknowledged: position.seq, isOwed, doubt: isSettled ? undefined : doubt };
}

/** Whether a newer agent than before would keep the sealed copies that its spec of today leaves out. */
async function isOwedCopies({ store }: CoreContext, { facts, tenant }: Host, hello: AgentFrames['hello']): Promise<boolean> {
  if (hasCapability(facts, 'spec.put recovery') || !hasCapability(hello.facts, 'spec.put recovery')) return false;
  return (await store.recovery.findRecoveryKey(tenant)) !== undefined;
}

/** Whether this server is older than its last acknowledgement to the host, which happens to one that was restored from a copy. */
async function isHostOwed(context: CoreContext, host: Host, { outbox }: AgentFrames['hello']): Promise<boolean> {
  if (outbox.promised === undefined) return false;
  const { epoch, seq } = outbox.promised;
  const applied = await context.store.hosts.getEventPosition(host.id, epoch);
  if (applied.seq >= seq) return false;
  const text = `this server acknowledged events up to ${seq} to the host and has them only up to ${applied.seq}: its data is older than the host’s reports. The host sends again what it kept of the last 7 days`;
  await recordHappening(context, host, 'host.server_behind', 'warn', text);
  return true;
}

function toClaimant(boot: string, facts: HostFacts, lastSeenAt: number, address?: string | undefined) {
  const { hostname, agentVersion, bootedAt } = facts;
  return { boot, hostname, agentVersion, bootedAt, address, lastSeenAt };
}

/** Two agents with one identity: the one that was welcomed last, and the one that is refused. */
async function quarantineClone(
  context: CoreContext,
  host: Host,
  { address }: Presented,
  { boot, facts }: AgentFrames['hello'],
): Promise<void> {
  await quarantineHost(
    context,
    host,
    'its connection counter went back: two machines use the same identity, or an old copy of its state was restored',
  );
  const now = context.clock.now();
  if (host.boot !== undefined && host.facts && host.boot !== boot)
    context.directory.recordClaimant(host.id, toClaimant(host.boot, host.facts, host.lastSeenAt ?? now));
  context.directory.recordClaimant(host.id, toClaimant(boot, facts, now, address));
}

/** An agent of a quarantined host is remembered, so that a person can tell them apart; only the chosen one goes on. */
function hearClaimant(
  context: CoreContext,
  host: Host,
  { address }: Presented,
  { boot, facts }: AgentFrames['hello'],
): Acceptance {
  context.directory.recordClaimant(host.id, toClaimant(boot, facts, context.clock.now(), address));
  announceHost(context, host);
  if (context.directory.findChosenBoot(host.id) === boot) return { kind: 'chosen', host };
  throw new AppError('conflict', 'this host is quarantined; an operator says on its page which agent goes on', {
    retry: 'never',
  });
}

/** A higher version than was ever given, or this version with another signature than the one made here. */
function isSpecForeign(host: Host, { specVersion, specSignature }: AgentFrames['hello']): boolean {
  if (specVersion !== host.specVersion) return specVersion > host.specVersion;
  return specSignature !== undefined && specSignature !== host.specSignature;
}

/** A server restored from a copy counts behind its hosts, which refuse an older spec: it goes on above what they have. */
async function outrunSpec(context: CoreContext, host: Host, version: number): Promise<void> {
  if (version > WIRE.specVersionMax) {
    throw new AppError('invalid', 'this host names a spec version that no server gave it; enrol it again with a fresh state', {
      retry: 'never',
    });
  }
  await context.store.hosts.raiseSpecVersion(host.id, version);
  const what =
    version === host.specVersion
      ? 'was made by another state of this server'
      : `is above ${host.specVersion}, the newest of this server`;
  const text = `version ${version} of the settings the host works by ${what}: the server's data is older than the host's. It is sent the present ones under a higher number`;
  await recordHappening(context, host, 'host.spec_ahead', 'warn', text);
}

export type SkewLevel = 'good' | 'warn' | 'alert';

/** How bad a clock's distance from the server's is; milliseconds, either way. */
export function judgeSkew(skewMs: number): SkewLevel {
  const distanceMs = Math.abs(skewMs);
  if (distanceMs > WIRE.skewAlertMs) return 'alert';
  return distanceMs > WIRE.skewWarnMs ? 'warn' : 'good';
}

/** Keeps the host's distance from the server's clock; a change of its level stands in the host's history. */
export async function recordSkew(context: CoreContext, host: Pick<Host, 'id' | 'tenant'>, skewMs: number): Promise<void> {
  const before = await context.store.hosts.findHost(host.tenant, host.id);
  await context.store.hosts.recordContact(host.id, { at: context.clock.now(), skewMs });
  const level = judgeSkew(skewMs);
  if (level === judgeSkew(before?.skewMs ?? 0)) return;
  const seconds = (Math.abs(skewMs) / 1000).toFixed(1);
  const text =
    level === 'good'
      ? 'its clock agrees with this server’s again'
      : `its clock is ${seconds} s ${skewMs > 0 ? 'ahead of' : 'behind'} this server’s; schedules follow the host’s clock`;
  await recordHappening(context, host, 'host.clock_skew', level === 'alert' ? 'error' : level === 'warn' ? 'warn' : 'info', text);
}

/** Takes a host out of service until a person enrols it again. Whichever of the two is connected now is cut off as well. */
async function quarantineHost(context: CoreContext, host: Host, why: string): Promise<void> {
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
  const applied = await context.store.events.applyEvents(host.tenant, host.id, epoch, events, context.clock.now());
  for (const { event } of applied.fresh) publishEvent(context, host.tenant, host.id, event);
  if (applied.logLoss) await tellLogLoss(context, host, applied.logLoss);
  await tellProvenElsewhere(context, host, applied.fresh);
  await recordClearedLocks(context, host, applied.fresh);
  return applied.through;
}

/** Pages count again what is missing; that a host has reached its limit of a day stands in its history. */
async function tellLogLoss(context: CoreContext, host: Pick<Host, 'id' | 'tenant'>, { runs, reached }: LogLoss): Promise<void> {
  for (const run of runs) context.bus.publish(host.tenant, { kind: 'refresh', topic: TOPICS.run(run) });
  if (!reached) return;
  const limit = `${Math.round(reached.limitBytes / (1024 * 1024))} MiB`;
  const text = `its logs of ${reached.day} reached the limit of ${limit}; further lines of that day are counted, and only errors and the last lines of failed runs are kept`;
  await recordHappening(context, host, 'host.log_limit', 'warn', text);
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
    case 'run.attempt':
    case 'run.finalizing':
    case 'part.finished':
      refresh(TOPICS.run(event.run), TOPICS.runs);
      if (event.type === 'part.finished' && event.part.drill) refresh(TOPICS.sources, TOPICS.snapshots);
      return;
    case 'snapshot.made':
    case 'snapshots.removed':
      refresh(TOPICS.run(event.run), TOPICS.snapshots);
      return;
    case 'run.created':
    case 'run.started':
    case 'run.finished':
      logRunEvent(context, host, event);
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
