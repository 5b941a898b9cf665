/**
 * The pages of a fleet as large installations have it, served in this very process: thirty hosts, failures, hostile and endless names,
 * three months behind it. Nothing moves, its clock included, so that a picture of a page is the same every time.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { createCliCaller, createUser } from '@holdfast/server/core/accounts/accounts.ts';
import * as calendar from '@holdfast/server/fires/fires.ts';
import { createLog } from '@holdfast/server/log.ts';
import { CHANNEL_KINDS } from '@holdfast/server/notify/all.ts';
import { checkPasswordRules } from '@holdfast/server/vault/password-rules.ts';
import { createApiEndpoints } from '@holdfast/server/web/api/all.ts';
import { createAssets } from '@holdfast/server/web/assets.ts';
import { createHttpApp } from '@holdfast/server/web/http/app.ts';
import { createReadiness } from '@holdfast/server/web/http/readiness.ts';
import { createScreens } from '@holdfast/server/web/screens/all.ts';
import { addRun, DAY_MS, MINUTE_MS } from '@holdfast/server/web/screens/fixtures/setup-fleet.ts';
import { type Night, seedNight } from '@holdfast/server/web/screens/fixtures/setup-night.ts';
import { seedTrust, type Trust } from '@holdfast/server/web/screens/fixtures/setup-trust.ts';
import { createWorld, NOW, type World } from '@holdfast/server/web/screens/fixtures/world.ts';
import { DEFAULT_TENANT } from '@holdfast/shared/domain/ids.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import type { Account } from './first-admin.ts';

const GIB = 1024 ** 3;
const DAYS_BEHIND = 90;

export type SeededServer = {
  readonly url: string;
  readonly admin: Account;
  readonly night: Night;
  readonly trust: Trust;
  /** The paths that this server answers with GET, as its table of routes has them. */
  readonly routes: readonly string[];
  /** The clock that stands still is set on, or back. */
  advance(ms: number): void;
  stop(): Promise<void>;
};

/** Three months of looks, sizes that grow, and one host with a run every quarter of an hour. */
async function seedHistory({ context }: World, night: Night): Promise<void> {
  const { history, maintenance } = context.store;
  for (let day = DAYS_BEHIND; day >= 0; day -= 1) {
    const bad = day === 31 || day === 30 ? 4 : day === 12 ? 1 : 0;
    const counts = { protected: 27 - bad, at_risk: 0, unprotected: bad, unknown: 0, paused: 1 };
    await history.recordProtection(DEFAULT_TENANT, NOW - day * DAY_MS, counts);
    await maintenance.recordMeasurement(DEFAULT_TENANT, night.repository.id, {
      host: night.db.id,
      measuredAt: NOW - day * DAY_MS,
      sizeBytes: Math.round((900 + (DAYS_BEHIND - day) * 6 + 30 * Math.sin(day / 7)) * GIB),
      snapshots: 400,
    });
  }
}

async function seedDenseHost(world: World, night: Night): Promise<void> {
  const source = night.sources.find(({ host }) => host === night.db.id);
  if (source === undefined) throw new Error('there is no host to make dense');
  const about = { host: source.host, source: source.id, plan: night.plan.id, repository: night.repository.id };
  for (let run = 24; run > 0; run -= 1) await addRun(world, { ...about, at: NOW - run * 15 * MINUTE_MS });
}

export async function startSeededServer(): Promise<SeededServer> {
  const world = await createWorld([]);
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const context = { ...world.context, baseUrl: url };
  const admin = { name: 'ada', password: 'seven quiet otters under ferns' };
  await createUser(context, createCliCaller('pictures'), checkPasswordRules, { ...admin, role: 'admin' });
  const night = await seedNight(world);
  await seedHistory(world, night);
  await seedDenseHost(world, night);
  const trust = await seedTrust(world, night);
  const channels = {
    kinds: CHANNEL_KINDS,
    sendTest: () => Promise.reject(new AppError('unavailable', 'nothing leaves this server')),
  };
  const endpoints = createApiEndpoints(calendar, channels);
  const screens = createScreens({ checkPasswordRules, fires: calendar, channels, endpoints });
  const app = createHttpApp({
    context,
    log: createLog({ level: 'error', clock: world.clock, stream: process.stderr }),
    readiness: createReadiness(context, { dataDir: tmpdir(), minFreeBytes: 0 }),
    config: { trustProxy: 0, metrics: { cidrs: [] } },
    screens,
    endpoints,
    assets: createAssets(),
  });
  server.on('request', app.handler);
  return {
    url,
    admin,
    night,
    trust,
    routes: screens.filter(({ method }) => method === 'get').map(({ path }) => path),
    advance: (ms) => world.clock.advance(ms),
    async stop() {
      app.close();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
      await world.close();
    },
  };
}
