import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { systemClock } from '@holdfast/shared/clock.ts';
import { checkStore } from '../contract.ts';
import { openSqliteStore } from './open.ts';

const directory = mkdtempSync(join(tmpdir(), 'holdfast-store-'));
const migrationsDir = join(import.meta.dirname, '../../../../migrations');
let opened = 0;

after(() => rmSync(directory, { recursive: true }));

checkStore(() => {
  opened += 1;
  return openSqliteStore({ path: join(directory, `${opened}.db`), migrationsDir, clock: systemClock, ballastBytes: 0 });
});
