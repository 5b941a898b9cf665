import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { systemClock } from '@holdfast/shared/clock.ts';
import { checkStore } from '../contract.ts';
import { placeMigrated } from './fixtures/migrated.ts';
import { openSqliteStore } from './open.ts';

const directory = mkdtempSync(join(tmpdir(), 'holdfast-store-'));
const migrationsDir = join(import.meta.dirname, '../../../../migrations');
let opened = 0;

after(() => rmSync(directory, { recursive: true }));

checkStore(async () => {
  opened += 1;
  const path = join(directory, `${opened}.db`);
  await placeMigrated(path);
  return await openSqliteStore({ path, migrationsDir, clock: systemClock, ballastBytes: 0 });
});
