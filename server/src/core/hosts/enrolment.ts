/** How a host joins: it announces itself (or brings an enrolment token), a person approves, the token is claimed. */
import { fingerprintOf } from '@holdfast/shared/crypto/fingerprint.ts';
import { PROOF_NONCE_BYTES, verifyAnnounceClaim } from '@holdfast/shared/crypto/proof.ts';
import { sealedSecretsSchema, sealFor } from '@holdfast/shared/crypto/sealed.ts';
import { type AnnouncementId, DEFAULT_TENANT, type EnrolmentTokenId } from '@holdfast/shared/domain/ids.ts';
import { nameSchema, type SecretsMode } from '@holdfast/shared/domain/plan.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { ENROLMENT, RUNS, TEXT } from '@holdfast/shared/limits.ts';
import type { AnnounceBody, AnnounceReply, ClaimBody, ClaimReply } from '@holdfast/shared/protocol/messages.ts';
import type { Announcement, EnrolmentToken, Host, HostToken } from '../../store/hosts.ts';
import { demandProven } from '../accounts/step-up.ts';
import { recordAct } from '../audit.ts';
import { TOPICS } from '../bus.ts';
import { type Caller, demand } from '../caller.ts';
import { checkName, checkNote, checkTags } from '../names.ts';
import type { CoreContext } from '../ports.ts';
import { checkFirstSource, type FirstSource, prepareFirstSource } from './first-source.ts';
import { getPending } from './pending-hosts.ts';
import { demandAgentForMode } from './secrets-mode.ts';

/** Hosts made from one image call themselves alike, and may all come at once. */
const NAME_ATTEMPTS = 100;

/** What approval decides about the new host. */
export interface Admission {
  name: string;
  tags: readonly string[];
  /** Undefined: kept. */
  secretsMode?: SecretsMode | undefined;
}

function makeNonce(context: CoreContext): string {
  return context.crypto.toBase64Url(context.crypto.randomBytes(PROOF_NONCE_BYTES));
}

function systemCaller(address: string): Caller {
  return { actor: { kind: 'system', id: 'enrolment', name: 'enrolment token' }, tenant: DEFAULT_TENANT, role: 'admin', address };
}

/**
 * A host announces itself. The same keys renew their announcement; a valid enrolment token approves it at once, and is used only when the host
 * is let in. Throws `unauthenticated` for a token that lets nobody in, `limit` when too many strangers wait, and `conflict` for keys of a host
 * that has connected before or is not active any more.
 */
export async function announceHost(context: CoreContext, body: AnnounceBody, address: string): Promise<AnnounceReply> {
  const { store, clock, crypto } = context;
  const now = clock.now();
  const known = await store.hosts.findHostByKey(body.signingKey);
  // A host that was approved but never connected may have lost the answer; it is given the same one again.
  if (known && (known.lastSeenAt !== undefined || known.state !== 'active')) {
    throw new AppError(
      'conflict',
      'these keys belong to a host that is known already; remove its state directory to enrol it anew',
    );
  }
  const brought = known === undefined && body.enrolToken !== undefined ? crypto.hashToken(body.enrolToken) : undefined;
  const token = brought === undefined ? undefined : await store.hosts.findEnrolmentToken(brought, now);
  if (brought !== undefined && !token) {
    throw new AppError(
      'unauthenticated',
      'the enrolment token is unknown, used up or expired; make a new one under Hosts, Add host',
    );
  }
  if (token?.hostname !== undefined && token.hostname !== body.hostname)
    throw new AppError(
      'unauthenticated',
      `the enrolment token is for a host that calls itself ${token.hostname}, and this one calls itself ${body.hostname}`,
    );
  const announcement = await store.hosts.upsertAnnouncement(
    {
      id: context.createId('announcement'),
      tenant: token?.tenant ?? DEFAULT_TENANT,
      hostname: body.hostname,
      signingKey: body.signingKey,
      sealingKey: body.sealingKey,
      fingerprint: fingerprintOf(crypto, body.signingKey, body.sealingKey).text,
      facts: body.facts,
      address,
      nonce: makeNonce(context),
      createdAt: now,
      expiresAt: now + ENROLMENT.announcementLifeMs,
      state: 'pending',
    },
    // Who brings a token is let in at once, however many strangers wait.
    token ? Number.POSITIVE_INFINITY : ENROLMENT.pendingAnnouncements,
  );
  // Keys that a person rejected stay so until that expires, and cost the token nothing.
  if (token && announcement.state === 'pending') {
    const caller = systemCaller(address);
    const host = await admit(context, caller, announcement, { name: body.hostname, tags: token.tags }, brought);
    await prepareFirstSource(context, caller, host, token);
  }
  context.bus.publish(announcement.tenant, { kind: 'refresh', topic: TOPICS.hosts });
  context.bus.publish(announcement.tenant, { kind: 'refresh', topic: TOPICS.counts });
  return {
    announcement: announcement.id,
    serverKey: context.identity.publicKey,
    nonce: announcement.nonce,
    expiresAt: announcement.expiresAt,
    pollMs: ENROLMENT.pollIntervalMs,
  };
}

/**
 * The host asks what became of its announcement, proving that it holds the keys; the nonce serves once. Throws `not_found` for one that is
 * unknown or expired, and `unauthenticated` for a proof that is none.
 */
export async function claimAnnouncement(context: CoreContext, id: AnnouncementId, body: ClaimBody): Promise<ClaimReply> {
  const { store, crypto } = context;
  const announcement = await store.hosts.findAnnouncement(id);
  if (!announcement) throw new AppError('not_found', 'this announcement is unknown or expired; announce again');
  const { signingKey, sealingKey, nonce } = announcement;
  const claim = { serverKey: context.identity.publicKey, nonce, signingKey, sealingKey };
  if (!verifyAnnounceClaim(crypto, claim, body.proof)) {
    throw new AppError('unauthenticated', 'the proof does not belong to the announced keys');
  }
  if (announcement.state === 'rejected')
    return { state: 'rejected', message: announcement.rejection ?? 'rejected by the operator' };
  if (announcement.state === 'approved' && announcement.host && announcement.sealedToken) {
    const host = await store.hosts.findHost(announcement.tenant, announcement.host);
    if (host?.state !== 'active') return { state: 'rejected', message: 'this host was removed' };
    return {
      state: 'approved',
      host: host.id,
      hostName: host.name,
      token: sealedSecretsSchema.parse(JSON.parse(announcement.sealedToken)),
    };
  }
  if (announcement.expiresAt <= context.clock.now())
    throw new AppError('not_found', 'this announcement is unknown or expired; announce again');
  const fresh = makeNonce(context);
  await store.hosts.setAnnouncementNonce(id, fresh);
  return { state: 'pending', nonce: fresh, expiresAt: announcement.expiresAt };
}

async function chooseFreeName(context: CoreContext, tenant: Caller['tenant'], wanted: string): Promise<string> {
  const wellFormed = nameSchema.safeParse(wanted).data ?? 'host';
  // Room for the number that makes it free.
  const base = wellFormed.slice(0, TEXT.nameChars - 4);
  for (let attempt = 1; attempt < 1000; attempt += 1) {
    const name = attempt === 1 ? wellFormed : `${base}-${attempt}`;
    if ((await context.store.hosts.findHostNamed(tenant, name)) === undefined) return name;
  }
  throw new AppError('conflict', `too many hosts are named ${base}`);
}

const isNameTaken = (error: unknown): boolean =>
  error instanceof AppError && error.code === 'conflict' && error.details['field'] === 'name';

/** Lets the host in, with a use of the enrolment token it brought: all of it or nothing. */
async function admit(
  context: CoreContext,
  caller: Caller,
  announcement: Announcement,
  admission: Admission,
  enrolmentHash?: string,
): Promise<Host> {
  const { store, clock, crypto } = context;
  const now = clock.now();
  const host: Host = {
    id: context.createId('host'),
    tenant: announcement.tenant,
    name: admission.name,
    state: 'active',
    tags: admission.tags,
    signingKey: announcement.signingKey,
    sealingKey: announcement.sealingKey,
    fingerprint: announcement.fingerprint,
    facts: announcement.facts,
    tools: [],
    createdAt: now,
    specVersion: 1,
    acknowledgedSpecVersion: 0,
    counter: 0,
    concurrency: RUNS.perHost,
    limits: {},
    secretsMode: admission.secretsMode ?? 'kept',
  };
  const plainToken = crypto.randomToken('hfa');
  const token: HostToken = { hash: crypto.hashToken(plainToken), tenant: host.tenant, host: host.id, createdAt: now };
  const binding = { host: host.id, purpose: 'token' as const, ref: announcement.id, version: 1 };
  const sealed = sealFor(crypto, host.sealingKey, context.identity, binding, { token: plainToken });
  for (let attempt = 1; ; attempt += 1) {
    host.name = await chooseFreeName(context, announcement.tenant, admission.name);
    try {
      await store.hosts.approveAnnouncement(announcement.id, host, token, JSON.stringify(sealed), enrolmentHash);
      break;
    } catch (error) {
      // Another host of that name came in at the same moment.
      if (!isNameTaken(error) || attempt === NAME_ATTEMPTS) throw error;
    }
  }
  await recordAct(context, caller, {
    action: 'host.approved',
    target: { kind: 'host', id: host.id, name: host.name },
    change: {
      fingerprint: host.fingerprint,
      address: announcement.address,
      tags: admission.tags,
      secretsMode: host.secretsMode,
    },
  });
  for (const topic of [TOPICS.hosts, TOPICS.counts, TOPICS.overview])
    context.bus.publish(host.tenant, { kind: 'refresh', topic });
  return host;
}

/** A person compared the fingerprints and lets the host in. */
export async function approveHost(context: CoreContext, caller: Caller, id: AnnouncementId, admission: Admission): Promise<Host> {
  demand(caller, 'host.approve');
  const { secretsMode } = admission;
  const checked: Admission = { name: checkName(admission.name), tags: checkTags(admission.tags), secretsMode };
  const announcement = await getPending(context, caller, id);
  await demandProven(context, caller, 'approve a host');
  demandAgentForMode(announcement.facts, secretsMode);
  return admit(context, caller, announcement, checked);
}

export interface NewEnrolmentToken extends FirstSource {
  note: string;
  tags: readonly string[];
  /** What `hostname` prints on the only host that may use it; undefined: any. */
  hostname?: string | undefined;
  uses: number;
  lifeMs: number;
}

/**
 * The plain token is returned once and never again.
 * @throws AppError `invalid` by field, for what it is to bring the hosts.
 */
export async function createEnrolmentToken(
  context: CoreContext,
  caller: Caller,
  wanted: NewEnrolmentToken,
): Promise<{ token: string; row: EnrolmentToken }> {
  demand(caller, 'host.approve');
  const note = checkNote(wanted.note);
  const tags = checkTags(wanted.tags);
  const { hostname, paths, plan } = wanted;
  await checkFirstSource(context, caller, { paths, plan });
  await demandProven(context, caller, 'make an enrolment token');
  const now = context.clock.now();
  const token = context.crypto.randomToken('hfe');
  const row: EnrolmentToken = {
    id: context.createId('enrolmentToken'),
    tenant: caller.tenant,
    hash: context.crypto.hashToken(token),
    note,
    tags,
    hostname,
    paths,
    plan,
    usesLeft: wanted.uses,
    createdAt: now,
    expiresAt: now + wanted.lifeMs,
  };
  await context.store.hosts.insertEnrolmentToken(row);
  await recordAct(context, caller, {
    action: 'enrolment_token.created',
    target: { kind: 'enrolment_token', id: row.id, name: note },
    change: { uses: wanted.uses, expiresAt: row.expiresAt, hostname: hostname ?? null, paths, plan: plan ?? null },
  });
  return { token, row };
}

export async function listEnrolmentTokens(context: CoreContext, caller: Caller): Promise<readonly EnrolmentToken[]> {
  demand(caller, 'host.approve');
  return context.store.hosts.listEnrolmentTokens(caller.tenant, context.clock.now());
}

export async function deleteEnrolmentToken(context: CoreContext, caller: Caller, id: EnrolmentTokenId): Promise<void> {
  demand(caller, 'host.approve');
  if (!(await context.store.hosts.deleteEnrolmentToken(caller.tenant, id)))
    throw new AppError('not_found', 'this enrolment token is gone already');
  await recordAct(context, caller, { action: 'enrolment_token.deleted', target: { kind: 'enrolment_token', id, name: '' } });
}
