import { hashTree } from '../../e2e/harness/services/files.ts';
import { type MariadbHandle, startMariadb } from '../../e2e/harness/services/mariadb.ts';
import { type PostgresHandle, startPostgres } from '../../e2e/harness/services/postgres.ts';
import { ensureDocuments, writeDiary } from './samples/documents.ts';
import { createShop, SHOP, SHOP_RESTORED, takeOrders } from './samples/shop.ts';
import { createWarehouse, isWarehouseComplete, takeGoodsIn, WAREHOUSE, WAREHOUSE_RESTORED } from './samples/warehouse.ts';
import type { StateFolder } from './state-folder.ts';

/** The running sample: two database servers and a folder. */
export type SampleData = { readonly postgres: PostgresHandle; readonly mariadb: MariadbHandle; readonly documents: string };

/** What a thing holds, part by part; equal maps mean that nothing was lost. */
export type Digest = Readonly<Record<string, unknown>>;

const NEW_ORDERS = 25;
const NEW_GOODS = 40;

/** Starts or finds again the sample's servers. Each one is handed to `onStarted` at once, so that a later failure can stop it. */
export async function startSampleData(
  folder: StateFolder,
  onStarted: (name: string, stop: () => Promise<void>) => void,
): Promise<SampleData> {
  const outcomes = await Promise.allSettled([
    startPostgres({ dir: folder.postgres }).then((handle) => {
      onStarted('PostgreSQL', handle.stop);
      return handle;
    }),
    startMariadb({ dir: folder.mariadb }).then((handle) => {
      onStarted('MariaDB', handle.stop);
      return handle;
    }),
    ensureDocuments(folder.documents),
  ]);
  const failures = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
  if (failures.length > 0) throw failures.length === 1 ? failures[0] : new AggregateError(failures);
  const [postgres, mariadb] = outcomes;
  if (postgres.status !== 'fulfilled' || mariadb.status !== 'fulfilled') throw new Error('the sample servers did not start');
  return { postgres: postgres.value, mariadb: mariadb.value, documents: folder.documents };
}

/** Makes the rows where there are none yet, adds a few in any case, and says how many there are. */
export async function fillSampleData({ postgres, mariadb, documents }: SampleData): Promise<string> {
  const names = (await postgres.query('SELECT datname FROM pg_database')).split('\n');
  const [orders, movements] = await Promise.all([
    (async () => {
      if (!names.includes(SHOP)) await createShop(postgres.query);
      return takeOrders(postgres.query, NEW_ORDERS);
    })(),
    (async () => {
      if (!(await isWarehouseComplete(mariadb.query))) await createWarehouse(mariadb.query);
      return takeGoodsIn(mariadb.query, NEW_GOODS);
    })(),
  ]);
  await writeDiary(documents, `${orders} orders, ${movements} movements of stock.`);
  const count = new Intl.NumberFormat('en');
  return `${count.format(orders)} orders, ${count.format(movements)} stock movements, a folder of documents`;
}

/** Removes what an earlier demo restored, so that the names are free again. */
export async function dropRestored({ postgres, mariadb }: SampleData): Promise<void> {
  await Promise.all([
    postgres.query(`DROP DATABASE IF EXISTS ${SHOP_RESTORED} WITH (FORCE)`),
    mariadb.query(`DROP DATABASE IF EXISTS ${WAREHOUSE_RESTORED}`),
  ]);
}

export type SampleKind = 'shop' | 'warehouse' | 'documents';

/** Describes a sample as it is now. */
export async function digestSample(sample: SampleData, kind: SampleKind): Promise<Digest> {
  if (kind === 'shop') return sample.postgres.hashDatabase(SHOP);
  if (kind === 'warehouse') return sample.mariadb.hashDatabase(WAREHOUSE);
  return hashTree(sample.documents);
}

/** Describes what was restored. `documents` is the path at which the folder lies now. */
export async function digestRestored(sample: SampleData, kind: SampleKind, documents: string): Promise<Digest> {
  if (kind === 'shop') return sample.postgres.hashDatabase(SHOP_RESTORED);
  if (kind === 'warehouse') return sample.mariadb.hashDatabase(WAREHOUSE_RESTORED);
  return hashTree(documents);
}
