import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { configSchema } from '@holdfast/shared/domain/plan.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import * as z from 'zod';
import type { Channel, ChannelStore } from '../../channels.ts';
import { flag, foldName, json, optional, toJson } from '../columns.ts';
import { refuseUpdate } from '../sources.ts';
import type { Params, Sql } from '../statements.ts';

const CHANNEL = `c.id, c.tenant_id AS tenant, c.name, c.kind, c.config, c.secrets, c.enabled, c.version, c.created_at AS createdAt,
  c.updated_at AS updatedAt, c.failures, c.failing_since AS failingSince, c.failure, c.worked_at AS workedAt, c.tried_at AS triedAt`;
const channelRow: z.ZodType<Channel> = z.object({
  id: idSchema('channel'),
  tenant: idSchema('tenant'),
  name: z.string(),
  kind: z.string(),
  config: json(configSchema),
  secrets: json(z.record(z.string(), z.string())),
  enabled: flag,
  version: z.int(),
  createdAt: z.int(),
  updatedAt: z.int(),
  failures: z.int(),
  failingSince: optional(z.int()),
  failure: optional(z.string()),
  workedAt: optional(z.int()),
  triedAt: optional(z.int()),
});

function toParams(channel: Channel): Params {
  return {
    ...channel,
    nameKey: foldName(channel.name),
    config: toJson(channel.config),
    secrets: toJson(channel.secrets),
  };
}

function prepareChannels(sql: Sql) {
  const one = 'tenant_id = @tenant AND id = @id';
  return {
    insert:
      sql.change(`INSERT INTO channels (id, tenant_id, name, name_key, kind, config, secrets, enabled, version, created_at, updated_at,
        failures, failing_since, failure, worked_at, tried_at)
      VALUES (@id, @tenant, @name, @nameKey, @kind, @config, @secrets, @enabled, @version, @createdAt, @updatedAt, @failures,
        @failingSince, @failure, @workedAt, @triedAt)`),
    update:
      sql.change(`UPDATE channels SET name = @name, name_key = @nameKey, config = @config, secrets = @secrets, enabled = @enabled,
      version = version + 1, updated_at = @updatedAt WHERE ${one} AND version = @expectedVersion`),
    find: sql.select(`SELECT ${CHANNEL} FROM channels c WHERE c.tenant_id = @tenant AND c.id = @id`, channelRow),
    list: sql.select(`SELECT ${CHANNEL} FROM channels c WHERE c.tenant_id = @tenant ORDER BY c.name_key, c.id`, channelRow),
    remove: sql.change(`DELETE FROM channels WHERE ${one}`),
  };
}

type Channels = Pick<ChannelStore, 'insertChannel' | 'updateChannel' | 'findChannel' | 'listChannels' | 'deleteChannel'>;

export function createChannels(sql: Sql): Channels {
  const rows = prepareChannels(sql);
  return {
    insertChannel: (channel) => sql.write(() => void rows.insert.run(toParams(channel))),
    updateChannel: (channel, expectedVersion) =>
      sql.write(() => {
        if (rows.update.run({ ...toParams(channel), expectedVersion }) > 0) return;
        refuseUpdate('channel', rows.find.find({ tenant: channel.tenant, id: channel.id }));
      }),
    findChannel: (tenant, id) => sql.read(() => rows.find.find({ tenant, id })),
    listChannels: (tenant) => sql.read(() => rows.list.list({ tenant })),
    deleteChannel: (tenant, id) =>
      sql.write(() => {
        if (rows.remove.run({ tenant, id }) === 0) throw new AppError('not_found', 'there is no such channel');
      }),
  };
}
