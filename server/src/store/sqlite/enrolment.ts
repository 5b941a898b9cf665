/** Host tokens, announcements and enrolment tokens: how a host comes in. */

import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { ENROLMENT } from '@holdfast/shared/limits.ts';
import { hostFactsSchema } from '@holdfast/shared/protocol/messages.ts';
import * as z from 'zod';
import type { Announcement, EnrolmentToken, HostStore, HostToken } from '../hosts.ts';
import { counted, json, optional, toJson } from './columns.ts';
import { HOST_COLUMNS, hostRow } from './host-rows.ts';
import { createHostInsert } from './hosts.ts';
import type { Sql } from './statements.ts';

const TOKEN = 'hash, tenant_id AS tenant, host_id AS host, created_at AS createdAt, first_used_at AS firstUsedAt';
const tokenRow: z.ZodType<HostToken> = z.object({
  hash: z.string(),
  tenant: idSchema('tenant'),
  host: idSchema('host'),
  createdAt: z.int(),
  firstUsedAt: optional(z.int()),
});

const ANNOUNCEMENT = `id, tenant_id AS tenant, hostname, signing_key AS signingKey, sealing_key AS sealingKey, fingerprint,
  facts, address, nonce, created_at AS createdAt, expires_at AS expiresAt, state, host_id AS host,
  sealed_token AS sealedToken, rejection`;
const announcementRow: z.ZodType<Announcement> = z.object({
  id: idSchema('announcement'),
  tenant: idSchema('tenant'),
  hostname: z.string(),
  signingKey: z.string(),
  sealingKey: z.string(),
  fingerprint: z.string(),
  facts: json(hostFactsSchema),
  address: z.string(),
  nonce: z.string(),
  createdAt: z.int(),
  expiresAt: z.int(),
  state: z.enum(['pending', 'approved', 'rejected']),
  host: optional(idSchema('host')),
  sealedToken: optional(z.string()),
  rejection: optional(z.string()),
});

const ENROLMENT_TOKEN = `id, tenant_id AS tenant, hash, note, tags, hostname, paths, plan_id AS plan, uses_left AS usesLeft, created_at AS createdAt,
  expires_at AS expiresAt`;
const enrolmentTokenRow: z.ZodType<EnrolmentToken> = z.object({
  id: idSchema('enrolmentToken'),
  tenant: idSchema('tenant'),
  hash: z.string(),
  note: z.string(),
  tags: json(z.array(z.string())),
  hostname: optional(z.string()),
  paths: json(z.array(z.string())),
  plan: optional(idSchema('plan')),
  usesLeft: z.int(),
  createdAt: z.int(),
  expiresAt: z.int(),
});

function prepareHostTokens(sql: Sql) {
  return {
    insert: sql.change(`INSERT INTO host_tokens (hash, tenant_id, host_id, generation, created_at, first_used_at)
      SELECT @hash, @tenant, @host, coalesce(max(generation), 0) + 1, @createdAt, @firstUsedAt
      FROM host_tokens WHERE host_id = @host`),
    find: sql.select(`SELECT ${TOKEN} FROM host_tokens WHERE hash = @hash`, tokenRow),
    newest: sql.select(
      `SELECT ${TOKEN} FROM host_tokens WHERE host_id = @host AND tenant_id = @tenant ORDER BY generation DESC LIMIT 1`,
      tokenRow,
    ),
    hostOf: sql.select(`SELECT ${HOST_COLUMNS} FROM hosts h WHERE h.tenant_id = @tenant AND h.id = @host`, hostRow),
    markUsed: sql.change('UPDATE host_tokens SET first_used_at = coalesce(first_used_at, @at) WHERE hash = @hash'),
    dropOlder: sql.change(`DELETE FROM host_tokens WHERE host_id = @host
      AND generation < (SELECT t.generation FROM host_tokens t WHERE t.hash = @hash)`),
    dropAll: sql.change('DELETE FROM host_tokens WHERE host_id = @host'),
    forgetSealed: sql.change('UPDATE announcements SET sealed_token = NULL WHERE host_id = @host'),
  };
}

type HostTokens = Pick<
  HostStore,
  'insertHostToken' | 'findHostByToken' | 'settleHostToken' | 'findNewestHostToken' | 'deleteHostTokens'
>;

export function createHostTokens(sql: Sql): HostTokens {
  const tokens = prepareHostTokens(sql);
  return {
    insertHostToken: (token) => sql.write(() => void tokens.insert.run({ ...token })),
    findHostByToken: (hash) =>
      sql.read(() => {
        const token = tokens.find.find({ hash });
        const host = token && tokens.hostOf.find({ tenant: token.tenant, host: token.host });
        return token && host && { host, token };
      }),
    settleHostToken: (hash, at) =>
      sql.write(() => {
        const token = tokens.find.find({ hash });
        if (!token) throw new AppError('not_found', 'this host token is not known any more');
        tokens.markUsed.run({ hash, at });
        tokens.dropOlder.run({ hash, host: token.host });
        tokens.forgetSealed.run({ host: token.host });
      }),
    findNewestHostToken: (tenant, host) => sql.read(() => tokens.newest.find({ tenant, host })),
    deleteHostTokens: (host) =>
      sql.write(() => {
        tokens.forgetSealed.run({ host });
        return tokens.dropAll.run({ host });
      }),
  };
}

function prepareAnnouncements(sql: Sql) {
  return {
    find: sql.select(`SELECT ${ANNOUNCEMENT} FROM announcements WHERE id = @id`, announcementRow),
    byKeys: sql.select(
      `SELECT ${ANNOUNCEMENT} FROM announcements
       WHERE tenant_id = @tenant AND signing_key = @signingKey AND sealing_key = @sealingKey`,
      announcementRow,
    ),
    countPending: sql.select(
      "SELECT count(*) AS count FROM announcements WHERE tenant_id = @tenant AND state = 'pending' AND expires_at > @now",
      counted,
    ),
    insert: sql.change(`INSERT INTO announcements (id, tenant_id, hostname, signing_key, sealing_key, fingerprint, facts,
        address, nonce, created_at, expires_at, state, host_id, sealed_token, rejection)
      VALUES (@id, @tenant, @hostname, @signingKey, @sealingKey, @fingerprint, @facts, @address, @nonce, @createdAt,
        @expiresAt, @state, @host, @sealedToken, @rejection)`),
    renew: sql.change(`UPDATE announcements SET hostname = @hostname, facts = @facts, address = @address, nonce = @nonce,
      expires_at = max(expires_at, @expiresAt) WHERE id = @id`),
    remove: sql.change('DELETE FROM announcements WHERE id = @id'),
    setNonce: sql.change('UPDATE announcements SET nonce = @nonce WHERE id = @id'),
    pending: sql.select(
      `SELECT ${ANNOUNCEMENT} FROM announcements
       WHERE tenant_id = @tenant AND state = 'pending' AND expires_at > @now ORDER BY created_at, id`,
      announcementRow,
    ),
    approve: sql.change(`UPDATE announcements
      SET state = 'approved', host_id = @host, sealed_token = @sealedToken, expires_at = max(expires_at, @expiresAt)
      WHERE id = @id AND state = 'pending' AND expires_at > @now`),
    reject: sql.change("UPDATE announcements SET state = 'rejected', rejection = @message WHERE id = @id AND state = 'pending'"),
    rejected: sql.select(
      `SELECT ${ANNOUNCEMENT} FROM announcements
       WHERE tenant_id = @tenant AND state = 'rejected' AND expires_at > @now ORDER BY created_at, id`,
      announcementRow,
    ),
    takeBack: sql.change(`UPDATE announcements SET state = 'pending', rejection = NULL
      WHERE id = @id AND state = 'rejected' AND expires_at > @now`),
    removeExpired: sql.change('DELETE FROM announcements WHERE expires_at <= @now'),
    spend: sql.change(`UPDATE enrolment_tokens SET uses_left = uses_left - 1
      WHERE tenant_id = @tenant AND hash = @hash AND uses_left > 0 AND expires_at > @now`),
  };
}

type Announcements = Pick<
  HostStore,
  | 'upsertAnnouncement'
  | 'findAnnouncement'
  | 'setAnnouncementNonce'
  | 'listPending'
  | 'approveAnnouncement'
  | 'rejectAnnouncement'
  | 'listRejected'
  | 'takeBackRejection'
  | 'deleteExpiredAnnouncements'
>;

/** Whether an announcement still answers the same keys: a rejection stands until it expires, an approval until it was claimed. */
function isStanding(known: Announcement, now: number): boolean {
  if (known.state === 'approved') return known.sealedToken !== undefined;
  return known.expiresAt > now;
}

export function createAnnouncements(sql: Sql): Announcements {
  const rows = prepareAnnouncements(sql);
  const tokens = prepareHostTokens(sql);
  const insertHost = createHostInsert(sql);
  return {
    upsertAnnouncement: (announcement, maxPending) =>
      sql.write(() => {
        const { tenant, signingKey, sealingKey, createdAt: now } = announcement;
        const known = rows.byKeys.find({ tenant, signingKey, sealingKey });
        if (known && isStanding(known, now)) {
          if (known.state !== 'rejected') rows.renew.run({ ...announcement, facts: toJson(announcement.facts), id: known.id });
          return rows.find.find({ id: known.id }) ?? known;
        }
        if (known) rows.remove.run({ id: known.id });
        if ((rows.countPending.find({ tenant, now })?.count ?? 0) >= maxPending) {
          throw new AppError(
            'limit',
            `${maxPending} hosts already wait for approval; approve or reject some, then announce again`,
          );
        }
        rows.insert.run({ ...announcement, facts: toJson(announcement.facts) });
        return announcement;
      }),
    findAnnouncement: (id) => sql.read(() => rows.find.find({ id })),
    setAnnouncementNonce: (id, nonce) => sql.write(() => void rows.setNonce.run({ id, nonce })),
    listPending: (tenant, now) => sql.read(() => rows.pending.list({ tenant, now })),
    approveAnnouncement: (id, host, token, sealedToken, enrolmentHash) =>
      sql.write(() => {
        const now = host.createdAt;
        const expiresAt = now + ENROLMENT.announcementLifeMs;
        if (!rows.find.find({ id })) throw new AppError('not_found', 'this announcement is gone; let the host announce again');
        if (enrolmentHash !== undefined && rows.spend.run({ tenant: host.tenant, hash: enrolmentHash, now }) === 0)
          throw new AppError('unauthenticated', 'the enrolment token has no use left; make a new one under Hosts, Add host');
        insertHost(host);
        tokens.insert.run({ ...token });
        if (rows.approve.run({ id, host: host.id, sealedToken, now, expiresAt }) === 0) {
          throw new AppError('conflict', 'this host does not wait for approval any more; reload the page', {
            details: { field: 'state' },
          });
        }
      }),
    rejectAnnouncement: (id, message) => sql.write(() => rows.reject.run({ id, message }) > 0),
    listRejected: (tenant, now) => sql.read(() => rows.rejected.list({ tenant, now })),
    takeBackRejection: (id, now) => sql.write(() => rows.takeBack.run({ id, now }) > 0),
    deleteExpiredAnnouncements: (now) => sql.write(() => rows.removeExpired.run({ now })),
  };
}

type EnrolmentTokens = Pick<
  HostStore,
  'insertEnrolmentToken' | 'listEnrolmentTokens' | 'findEnrolmentToken' | 'deleteEnrolmentToken'
>;

export function createEnrolmentTokens(sql: Sql): EnrolmentTokens {
  const insert = sql.change(`INSERT INTO enrolment_tokens
    (id, tenant_id, hash, note, tags, hostname, paths, plan_id, uses_left, created_at, expires_at)
    VALUES (@id, @tenant, @hash, @note, @tags, @hostname, @paths, @plan, @usesLeft, @createdAt, @expiresAt)`);
  const list = sql.select(
    `SELECT ${ENROLMENT_TOKEN} FROM enrolment_tokens
     WHERE tenant_id = @tenant AND expires_at > @now AND uses_left > 0 ORDER BY created_at, id`,
    enrolmentTokenRow,
  );
  const find = sql.select(
    `SELECT ${ENROLMENT_TOKEN} FROM enrolment_tokens WHERE hash = @hash AND uses_left > 0 AND expires_at > @now`,
    enrolmentTokenRow,
  );
  const remove = sql.change('DELETE FROM enrolment_tokens WHERE tenant_id = @tenant AND id = @id');
  return {
    insertEnrolmentToken: (token) =>
      sql.write(() => void insert.run({ ...token, tags: toJson(token.tags), paths: toJson(token.paths) })),
    listEnrolmentTokens: (tenant, now) => sql.read(() => list.list({ tenant, now })),
    findEnrolmentToken: (hash, now) => sql.read(() => find.find({ hash, now })),
    deleteEnrolmentToken: (tenant, id) => sql.write(() => remove.run({ tenant, id }) > 0),
  };
}
