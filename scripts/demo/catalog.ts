import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import * as z from 'zod';
import type { Api } from './api-client.ts';
import type { SampleData, SampleKind } from './sample-data.ts';
import { SHOP } from './samples/shop.ts';
import { WAREHOUSE } from './samples/warehouse.ts';
import { ensureSecret, type StateFolder } from './state-folder.ts';

const itemSchema = z.object({ id: z.string(), name: z.string() });
const sourceSchema = itemSchema.extend({ config: z.record(z.string(), z.unknown()) });
const repositorySchema = itemSchema.extend({ engineId: z.string().optional() });

export type Source = z.infer<typeof sourceSchema> & { readonly sample: SampleKind };
export type Plan = z.infer<typeof itemSchema>;

type SourceWish = {
  readonly sample: SampleKind;
  readonly name: string;
  readonly kind: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly secrets: Readonly<Record<string, string>>;
};

function listSourceWishes({ postgres, mariadb, documents }: SampleData): SourceWish[] {
  return [
    {
      sample: 'shop',
      name: 'Shop orders',
      kind: 'postgres',
      config: { host: postgres.host, port: postgres.port, database: SHOP, user: postgres.superuser },
      secrets: { password: postgres.password },
    },
    {
      sample: 'warehouse',
      name: 'Warehouse',
      kind: 'mariadb',
      config: { host: mariadb.host, port: mariadb.port, database: WAREHOUSE, user: mariadb.superuser },
      secrets: { password: mariadb.password },
    },
    { sample: 'documents', name: 'Office documents', kind: 'files', config: { paths: [documents] }, secrets: {} },
  ];
}

const sourceTest = z.object({ ok: z.boolean(), message: z.string() });

/** Adds the sources, or brings those of an earlier start up to date (a server may have a new port), and tests each from the host. */
export async function ensureSources(api: Api, host: string, sample: SampleData): Promise<Source[]> {
  const existing = await api.get(`/sources?limit=100&host=${host}`, z.array(sourceSchema));
  return Promise.all(
    listSourceWishes(sample).map(async (wish) => {
      const { sample: kind, ...body } = wish;
      const known = existing.find((source) => source.name === wish.name);
      const source =
        known === undefined ? await api.post('/sources', { host, ...body }, sourceSchema) : await refresh(api, known, wish);
      const test = await api.post(`/sources/${source.id}/test`, {}, sourceTest);
      if (!test.ok) throw new Error(`the source ${source.name} cannot be read: ${test.message}`);
      return { ...source, sample: kind };
    }),
  );
}

async function refresh(api: Api, known: z.infer<typeof sourceSchema>, wish: SourceWish): Promise<z.infer<typeof sourceSchema>> {
  const merged = { ...known.config, ...wish.config };
  if (isDeepStrictEqual(merged, known.config)) return known;
  return api.patch(`/sources/${known.id}`, { config: merged, secrets: wish.secrets }, sourceSchema);
}

const REPOSITORY = 'Local disk';
const repositoryTest = z.object({ state: z.enum(['ready', 'missing', 'failed']), message: z.string() });

/** Adds the repository and orders its creation from the host; one that is there already is only opened. */
export async function ensureRepository(api: Api, host: string, folder: StateFolder): Promise<{ id: string; isNew: boolean }> {
  const existing = await api.get('/repositories?limit=100', z.array(repositorySchema));
  const password = await ensureSecret(join(folder.root, 'repository-password'));
  const repository =
    existing.find((known) => known.name === REPOSITORY) ??
    (await api.post(
      '/repositories',
      { name: REPOSITORY, kind: 'local', config: { path: folder.repository }, secrets: { password } },
      repositorySchema,
    ));
  const test = await api.post(`/repositories/${repository.id}/test`, { host }, repositoryTest);
  if (test.state === 'failed') throw new Error(`the repository cannot be opened: ${test.message}`);
  if (test.state === 'missing')
    await api.post(`/repositories/${repository.id}/init`, { host }, z.object({ engineId: z.string() }));
  return { id: repository.id, isNew: test.state === 'missing' };
}

const PLANS: readonly { name: string; cron: string; samples: readonly SampleKind[] }[] = [
  { name: 'Databases, every 15 minutes', cron: '*/15 * * * *', samples: ['shop', 'warehouse'] },
  { name: 'Documents, every 15 minutes', cron: '7,22,37,52 * * * *', samples: ['documents'] },
];

export async function ensurePlans(api: Api, repository: string, sources: readonly Source[]): Promise<Plan[]> {
  const existing = await api.get('/plans?limit=100', z.array(itemSchema));
  const zone = new Intl.DateTimeFormat().resolvedOptions().timeZone;
  const plans: Plan[] = [];
  for (const { name, cron, samples } of PLANS) {
    const wanted = sources.filter((source) => samples.includes(source.sample)).map((source) => source.id);
    const body = { name, repository, sources: wanted, schedule: { cron, zone } };
    plans.push(existing.find((plan) => plan.name === name) ?? (await api.post('/plans', body, itemSchema)));
  }
  return plans;
}
