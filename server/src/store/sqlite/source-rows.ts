/** The row of a source. */
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { configSchema } from '@holdfast/shared/domain/plan.ts';
import * as z from 'zod';
import type { Source } from '../sources.ts';
import { flag, json } from './columns.ts';

export const SOURCE_COLUMNS = `s.id, s.tenant_id AS tenant, s.host_id AS host, s.name, s.name_key AS nameKey, s.kind, s.config, s.secrets,
  s.enabled, s.version, s.created_at AS createdAt, s.updated_at AS updatedAt`;
export const sourceRow = z.object({
  id: idSchema('source'),
  tenant: idSchema('tenant'),
  host: idSchema('host'),
  name: z.string(),
  nameKey: z.string(),
  kind: z.string(),
  config: json(configSchema),
  secrets: json(z.record(z.string(), z.string())),
  enabled: flag,
  version: z.int(),
  createdAt: z.int(),
  updatedAt: z.int(),
});

/** The row without the column that only the order of lists needs. */
export function toSource({ nameKey: _order, ...source }: z.infer<typeof sourceRow>): Source {
  return source;
}
