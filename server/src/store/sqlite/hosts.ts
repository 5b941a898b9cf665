import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import * as z from 'zod';
import type { Host, HostNaming, HostStore, NamedHost } from '../hosts.ts';
import { counted, foldName, toJson } from './columns.ts';
import { HOST_COLUMNS, hostRow } from './host-rows.ts';
import { createSortedHosts } from './lists/sorted-hosts.ts';
import type { Sql } from './statements.ts';

const namedHost: z.ZodType<NamedHost> = z.object({ id: idSchema('host'), name: z.string() });

function prepareHosts(sql: Sql) {
  const byId = 'WHERE tenant_id = @tenant AND id = @id';
  return {
    insert: sql.change(`INSERT INTO hosts (id, tenant_id, name, name_key, state, tags, signing_key, sealing_key, fingerprint,
        facts, tools, created_at, last_seen_at, skew_ms, spec_version, acknowledged_spec_version, counter, boot, concurrency,
        limits, secrets_mode, spec_signature, drain_since, drain_until, drain_by)
      VALUES (@id, @tenant, @name, @nameKey, @state, @tags, @signingKey, @sealingKey, @fingerprint, @facts, @tools,
        @createdAt, @lastSeenAt, @skewMs, @specVersion, @acknowledgedSpecVersion, @counter, @boot, @concurrency,
        @limits, @secretsMode, @specSignature, @drainSince, @drainUntil, @drainBy)`),
    find: sql.select(`SELECT ${HOST_COLUMNS} FROM hosts h WHERE h.tenant_id = @tenant AND h.id = @id`, hostRow),
    // The plus keeps SQLite from walking all of the tenant in the order of names for the few that are asked for.
    some: sql.select(
      `SELECT ${HOST_COLUMNS} FROM hosts h WHERE +h.tenant_id = @tenant AND h.id IN (SELECT value FROM json_each(@ids))
       ORDER BY h.name_key, h.id`,
      hostRow,
    ),
    byKey: sql.select(
      `SELECT ${HOST_COLUMNS} FROM hosts h WHERE h.signing_key = @signingKey
       ORDER BY h.state = 'revoked', h.created_at DESC, h.id DESC LIMIT 1`,
      hostRow,
    ),
    byName: sql.select(
      "SELECT id, name FROM hosts WHERE tenant_id = @tenant AND name_key = @nameKey AND state <> 'revoked'",
      namedHost,
    ),
    // A look at every host of the tenant; asked only for the few announcements that wait.
    byHostname: sql.select(
      `SELECT id, name FROM hosts WHERE tenant_id = @tenant AND state <> 'revoked'
       AND lower(facts ->> '$.hostname') = lower(@hostname) ORDER BY created_at, id LIMIT 1`,
      namedHost,
    ),
    ofHostname: sql.select(
      `SELECT ${HOST_COLUMNS} FROM hosts h WHERE h.tenant_id = @tenant AND h.state = 'active'
       AND lower(h.facts ->> '$.hostname') = lower(@hostname) ORDER BY h.created_at, h.id LIMIT 10`,
      hostRow,
    ),
    count: sql.select('SELECT count(*) AS count FROM hosts WHERE tenant_id = @tenant', counted),
    countActive: sql.select("SELECT count(*) AS count FROM hosts WHERE tenant_id = @tenant AND state = 'active'", counted),
    countSeen: sql.select('SELECT count(*) AS count FROM hosts WHERE tenant_id = @tenant AND last_seen_at >= @since', counted),
    ailing: sql.select(
      `SELECT id FROM hosts INDEXED BY hosts_ailing
       WHERE tenant_id = @tenant AND ailments <> '[]' AND state = 'active' AND last_seen_at >= @seenSince ORDER BY name_key, id`,
      z.object({ id: idSchema('host') }),
    ),
    rename: sql.change(`UPDATE hosts SET name = coalesce(@name, name), name_key = coalesce(@nameKey, name_key),
      tags = coalesce(@tags, tags), concurrency = coalesce(@concurrency, concurrency), limits = coalesce(@limits, limits),
      secrets_mode = coalesce(@secretsMode, secrets_mode) ${byId}`),
    // From each tag straight to the next one: there are a few dozen of them, on thousands of hosts.
    tags: sql.select(
      `WITH RECURSIVE t(tag) AS (
         SELECT min(tag) FROM host_tags WHERE tenant_id = @tenant
         UNION ALL
         SELECT (SELECT min(n.tag) FROM host_tags n WHERE n.tenant_id = @tenant AND n.tag > t.tag) FROM t WHERE t.tag IS NOT NULL
       )
       SELECT t.tag FROM t WHERE t.tag IS NOT NULL AND EXISTS (
         SELECT 1 FROM host_tags o JOIN hosts h ON h.id = o.host_id
         WHERE o.tenant_id = @tenant AND o.tag = t.tag AND h.state <> 'revoked') ORDER BY t.tag`,
      z.object({ tag: z.string() }),
    ),
    addTag: sql.change(`INSERT INTO host_tags (tenant_id, tag, host_id) VALUES (@tenant, @tag, @id)
      ON CONFLICT (tenant_id, tag, host_id) DO NOTHING`),
    dropTags: sql.change('DELETE FROM host_tags WHERE tenant_id = @tenant AND host_id = @id'),
    setDrain: sql.change(`UPDATE hosts SET drain_since = @since, drain_until = @until, drain_by = @by,
      spec_version = spec_version + 1 ${byId}`),
    setState: sql.change(`UPDATE hosts SET state = @state ${byId}`),
  };
}

function prepareContacts(sql: Sql) {
  return {
    counter: sql.change('UPDATE hosts SET counter = @counter, boot = @boot WHERE id = @id AND counter < @counter'),
    token: sql.select('SELECT count(*) AS count FROM host_tokens WHERE hash = @tokenHash AND host_id = @id', counted),
    contact: sql.change(`UPDATE hosts SET last_seen_at = max(coalesce(last_seen_at, 0), @at), facts = coalesce(@facts, facts),
      tools = coalesce(@tools, tools), skew_ms = coalesce(@skewMs, skew_ms) WHERE id = @id`),
    ailments: sql.change('UPDATE hosts SET ailments = @ailments WHERE id = @id AND ailments IS NOT @ailments'),
    touch: sql.change('UPDATE hosts SET last_seen_at = max(coalesce(last_seen_at, 0), @at) WHERE id = @id'),
    bump: sql.change('UPDATE hosts SET spec_version = spec_version + 1 WHERE tenant_id = @tenant AND id = @id'),
    raise: sql.change('UPDATE hosts SET spec_version = @above + 1 WHERE id = @id AND spec_version <= @above'),
    acknowledge: sql.change(
      'UPDATE hosts SET acknowledged_spec_version = max(acknowledged_spec_version, @version) WHERE id = @id',
    ),
    signSpec: sql.change('UPDATE hosts SET spec_signature = @signature WHERE id = @id'),
    readmit: sql.change(`UPDATE hosts SET state = 'active', counter = @counter, boot = @boot
      WHERE id = @id AND state = 'quarantined'`),
    keepToken: sql.change('DELETE FROM host_tokens WHERE host_id = @id AND hash <> @tokenHash'),
    position: sql.select('SELECT seq FROM host_streams WHERE host_id = @id AND epoch = @epoch', z.object({ seq: z.int() })),
  };
}

/** Inserts a host with its tags; part of a caller's transaction. */
export function createHostInsert(sql: Sql): (host: Host) => void {
  const { insert, addTag } = prepareHosts(sql);
  return (host) => {
    insert.run({
      ...host,
      nameKey: foldName(host.name),
      tags: toJson(host.tags),
      facts: toJson(host.facts),
      tools: toJson(host.tools),
      limits: toJson(host.limits),
      drain: undefined,
      ailments: undefined,
      drainSince: host.drain?.since,
      drainUntil: host.drain?.until,
      drainBy: host.drain?.by,
    });
    for (const tag of host.tags) addTag.run({ tenant: host.tenant, id: host.id, tag });
  };
}

type HostRows = Pick<
  HostStore,
  | 'insertHost'
  | 'findHost'
  | 'findHosts'
  | 'findHostByKey'
  | 'listHosts'
  | 'listTags'
  | 'countHosts'
  | 'countHostsSeenSince'
  | 'listAilingHosts'
  | 'findHostNamed'
  | 'findHostCalling'
  | 'findHostsByHostname'
  | 'updateHostNaming'
  | 'setHostDrain'
  | 'setHostState'
>;

/** Equal where people set the same. */
function sayNaming({ name, tags, concurrency, limits, secretsMode }: HostNaming): string {
  return JSON.stringify([name, [...tags].sort(), concurrency, limits, secretsMode]);
}

export function createHostRows(sql: Sql): HostRows {
  const hosts = prepareHosts(sql);
  const insertHost = createHostInsert(sql);
  const listSorted = createSortedHosts(sql);
  const refuseMissing = (changed: number) => {
    if (changed === 0) throw new AppError('not_found', 'there is no such host');
  };
  return {
    insertHost: (host) => sql.write(() => insertHost(host)),
    findHost: (tenant, id) => sql.read(() => hosts.find.find({ tenant, id })),
    findHosts: (tenant, ids) => sql.read(() => hosts.some.list({ tenant, ids: toJson(ids) })),
    findHostByKey: (signingKey) => sql.read(() => hosts.byKey.find({ signingKey })),
    listHosts: (tenant, filter, page) => sql.read(() => listSorted(tenant, filter, page)),
    countHosts: (tenant) =>
      sql.read(() => ({
        total: hosts.count.find({ tenant })?.count ?? 0,
        active: hosts.countActive.find({ tenant })?.count ?? 0,
      })),
    listTags: (tenant) => sql.read(() => hosts.tags.list({ tenant }).map(({ tag }) => tag)),
    countHostsSeenSince: (tenant, since) => sql.read(() => hosts.countSeen.find({ tenant, since })?.count ?? 0),
    listAilingHosts: (tenant, seenSince) => sql.read(() => hosts.ailing.list({ tenant, seenSince }).map(({ id }) => id)),
    findHostNamed: (tenant, name) => sql.read(() => hosts.byName.find({ tenant, nameKey: foldName(name) })),
    findHostCalling: (tenant, hostname) => sql.read(() => hosts.byHostname.find({ tenant, hostname })),
    findHostsByHostname: (tenant, hostname) => sql.read(() => hosts.ofHostname.list({ tenant, hostname })),
    updateHostNaming: (tenant, id, change, expected) =>
      sql.write(() => {
        const now = expected && hosts.find.find({ tenant, id });
        if (now && sayNaming(now) !== sayNaming(expected))
          throw new AppError('conflict', 'somebody else changed this host meanwhile; look at it again and repeat the change', {
            details: { field: 'version' },
          });
        const nameKey = change.name === undefined ? undefined : foldName(change.name);
        refuseMissing(
          hosts.rename.run({
            tenant,
            id,
            name: change.name,
            nameKey,
            tags: toJson(change.tags),
            concurrency: change.concurrency,
            limits: toJson(change.limits),
            secretsMode: change.secretsMode,
          }),
        );
        if (change.tags === undefined) return;
        hosts.dropTags.run({ tenant, id });
        for (const tag of change.tags) hosts.addTag.run({ tenant, id, tag });
      }),
    setHostDrain: (tenant, id, drain) =>
      sql.write(() => refuseMissing(hosts.setDrain.run({ tenant, id, since: drain?.since, until: drain?.until, by: drain?.by }))),
    setHostState: (tenant, id, state) => sql.write(() => refuseMissing(hosts.setState.run({ tenant, id, state }))),
  };
}

type HostContacts = Pick<
  HostStore,
  | 'advanceCounter'
  | 'recordContact'
  | 'recordAilments'
  | 'touchHosts'
  | 'bumpSpec'
  | 'raiseSpecVersion'
  | 'acknowledgeSpec'
  | 'recordSpecSignature'
  | 'readmitHost'
  | 'getEventPosition'
>;

export function createHostContacts(sql: Sql): HostContacts {
  const contacts = prepareContacts(sql);
  return {
    advanceCounter: (id, { counter, boot, tokenHash }) =>
      sql.write(() => {
        if (contacts.token.find({ id, tokenHash })?.count !== 1) return 'stale_token';
        return contacts.counter.run({ id, counter, boot }) > 0 ? 'accepted' : 'repeated';
      }),
    recordContact: (id, contact) =>
      sql.write(
        () =>
          void contacts.contact.run({
            id,
            at: contact.at,
            facts: toJson(contact.facts),
            tools: toJson(contact.tools),
            skewMs: contact.skewMs === undefined ? undefined : Math.round(contact.skewMs),
          }),
      ),
    recordAilments: (id, ailments) => sql.write(() => contacts.ailments.run({ id, ailments: toJson(ailments) }) > 0),
    touchHosts: (ids, at) =>
      sql.write(() => {
        for (const id of ids) contacts.touch.run({ id, at });
      }),
    bumpSpec: (tenant, hosts) =>
      sql.write(() => {
        for (const id of new Set(hosts)) contacts.bump.run({ tenant, id });
      }),
    raiseSpecVersion: (id, above) => sql.write(() => void contacts.raise.run({ id, above })),
    acknowledgeSpec: (id, version) => sql.write(() => void contacts.acknowledge.run({ id, version })),
    recordSpecSignature: (id, signature) => sql.write(() => void contacts.signSpec.run({ id, signature })),
    readmitHost: (id, { tokenHash, counter, boot }) =>
      sql.write(() => {
        if (contacts.readmit.run({ id, counter, boot }) === 0)
          throw new AppError('conflict', 'this host is not quarantined any more');
        contacts.keepToken.run({ id, tokenHash });
      }),
    getEventPosition: (id, epoch) => sql.read(() => ({ epoch, seq: contacts.position.find({ id, epoch })?.seq ?? 0 })),
  };
}
