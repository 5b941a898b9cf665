import { DEFAULT_TENANT } from '@holdfast/shared/domain/ids.ts';
import * as z from 'zod';
import type { SettingStore } from '../trail.ts';
import { counted } from './columns.ts';
import type { Sql } from './statements.ts';

const valueRow = z.object({ value: z.string() });
/** Settings are the installation's own; their rows carry the tenant every installation starts with. */
const tenant = DEFAULT_TENANT;

/** The number in the head of the database file. */
export interface FileStamp {
  find(): number | undefined;
  put(stamp: number): boolean;
}

export function createSettingStore(sql: Sql, stamp: FileStamp): SettingStore {
  const find = sql.select('SELECT value FROM settings WHERE tenant_id = @tenant AND name = @name', valueRow);
  const put = sql.change(`INSERT INTO settings (tenant_id, name, value) VALUES (@tenant, @name, @value)
    ON CONFLICT (tenant_id, name) DO UPDATE SET value = excluded.value`);
  const init = sql.change(`INSERT INTO settings (tenant_id, name, value) VALUES (@tenant, @name, @value)
    ON CONFLICT (tenant_id, name) DO NOTHING`);
  const encrypted = sql.select(
    `SELECT EXISTS (SELECT 1 FROM sources WHERE secrets <> '{}')
       OR EXISTS (SELECT 1 FROM repositories WHERE secrets <> '{}')
       OR EXISTS (SELECT 1 FROM channels WHERE secrets <> '{}') AS count`,
    counted,
  );
  return {
    findSetting: (name) => sql.read(() => find.find({ tenant, name })?.value),
    putSetting: (name, value) => sql.write(() => void put.run({ tenant, name, value })),
    exchangeSetting: (name, before, value) =>
      sql.write(() => {
        if (find.find({ tenant, name })?.value !== before) return false;
        put.run({ tenant, name, value });
        return true;
      }),
    initSetting: (name, value) =>
      sql.write(() => {
        init.run({ tenant, name, value });
        return find.find({ tenant, name })?.value ?? value;
      }),
    findStamp: async () => stamp.find(),
    putStamp: async (value) => stamp.put(value),
    hasEncryptedRows: () => sql.read(() => encrypted.find()?.count === 1),
  };
}
