/**
 * Looks for what nobody protects: once a day each host that is connected is asked what else lies on the servers its sources are on, and
 * which of its directories are big. What is a source already is no finding, whether a plan has it or not: that is said elsewhere.
 */
import { getSourceAdapter } from '@holdfast/shared/adapters/all.ts';
import type { Config } from '@holdfast/shared/adapters/field.ts';
import { DEFAULT_TENANT, type HostId } from '@holdfast/shared/domain/ids.ts';
import { toAppError } from '@holdfast/shared/errors.ts';
import { COUNTS, COVERAGE } from '@holdfast/shared/limits.ts';
import { hasCapability } from '@holdfast/shared/protocol/capabilities.ts';
import type { SeenThing } from '../../store/coverage.ts';
import type { Host } from '../../store/hosts.ts';
import type { Source } from '../../store/sources.ts';
import { shortenText } from '../alerts/text.ts';
import { TOPICS } from '../bus.ts';
import type { Caller } from '../caller.ts';
import type { CoreContext } from '../ports.ts';
import { discoverSources } from './sources.ts';

const tenant = DEFAULT_TENANT;
const SEEKER: Caller = { actor: { kind: 'system', id: 'coverage', name: 'coverage' }, tenant, role: 'operator' };
const QUESTION_LIFE_MS = 60_000;

/** Files lie on the host itself. */
export const FILES = 'files';
const HOST_ITSELF = '';

/** The server a connection leads to, as people know it: `127.0.0.1:5432`. */
function describeServer(kind: string, config: Config): string {
  const { host, port } = config;
  if (typeof host === 'string' && host !== '') return port === undefined ? host : `${host}:${String(port)}`;
  return getSourceAdapter(kind).describe(config);
}

interface Connection {
  source: Source;
  kind: string;
  place: string;
}

/** One source for each server that can be asked, the oldest of them: its connection is used. */
function listConnections(sources: readonly Source[]): readonly Connection[] {
  const servers = new Map<string, Connection>();
  for (const source of sources.toSorted((a, b) => (a.id < b.id ? -1 : 1))) {
    const { kind, enabled, config } = source;
    if (!enabled || getSourceAdapter(kind).discovery === undefined) continue;
    const place = describeServer(kind, config);
    const key = JSON.stringify([kind, place]);
    if (!servers.has(key)) servers.set(key, { source, kind, place });
  }
  return [...servers.values()].slice(0, COVERAGE.serversPerHost);
}

/** Whether a source has the directory, all of it, some of it, or what it lies in: somebody has decided about it. */
function isDecided(directory: string, covered: readonly string[]): boolean {
  return covered.some(
    (path) => path === directory || path === '/' || directory.startsWith(`${path}/`) || path.startsWith(`${directory}/`),
  );
}

function listCoveredPaths(sources: readonly Source[]): readonly string[] {
  return sources.flatMap(({ kind, config }) => {
    const paths = kind === FILES ? config['paths'] : undefined;
    return Array.isArray(paths) ? (paths as readonly string[]).map((path) => path.replace(/(?<=.)\/+$/u, '')) : [];
  });
}

/** The database that every PostgreSQL server comes with is nobody's gap while it is as empty as it came. */
const EMPTY_BYTES = 16 * 1024 ** 2;

function isEmptyGift(kind: string, { name, sizeBytes }: SeenThing): boolean {
  return kind === 'postgres' && name === 'postgres' && sizeBytes !== undefined && sizeBytes < EMPTY_BYTES;
}

async function askServer(context: CoreContext, { source }: Connection): Promise<readonly SeenThing[]> {
  const found = await discoverSources(context, SEEKER, { source: source.id });
  return found
    .filter((one) => one.known === undefined && !isEmptyGift(source.kind, one))
    .map(({ name, sizeBytes }) => ({ name, sizeBytes }));
}

async function askDirectories(context: CoreContext, host: HostId, sources: readonly Source[]): Promise<readonly SeenThing[]> {
  const body = { atLeastBytes: COVERAGE.directoryBytes, notAfter: context.clock.now() + QUESTION_LIFE_MS };
  const { found } = await context.directory.request(host, 'directories.look', body, { timeoutMs: COVERAGE.answerMs });
  const covered = listCoveredPaths(sources);
  return found.filter(({ path }) => !isDecided(path, covered)).map(({ path, sizeBytes }) => ({ name: path, sizeBytes }));
}

/** Asks one host everything. What cannot be asked now keeps what was known of it; false when the host itself did not answer. */
async function lookAtCoverage(context: CoreContext, host: Host): Promise<boolean> {
  const { store, clock, directory } = context;
  const sources = await store.sources.listSourcesOfHost(tenant, host.id);
  const connections = listConnections(sources);
  const hasDirectories = hasCapability(host.facts, 'directories.look');
  const places = connections.map(({ kind, place }) => ({ kind, place }));
  await store.coverage.keepPlaces(tenant, host.id, hasDirectories ? [...places, { kind: FILES, place: HOST_ITSELF }] : places);
  const look = async (
    about: { kind: string; place: string; via?: Source['id'] },
    ask: () => Promise<readonly SeenThing[]>,
  ): Promise<void> => {
    const { via, ...place } = about;
    const at = clock.now();
    try {
      const seen = (await ask()).slice(0, COUNTS.discovered);
      await store.coverage.recordLook(tenant, { host: host.id, ...place, at, via, seen }, () => context.createId('finding'));
    } catch (thrown) {
      const { code, message } = toAppError(thrown);
      if (code === 'internal' || code === 'integrity') throw thrown;
      await store.coverage.recordFailedLook(tenant, { host: host.id, ...place, at, failure: shortenText(message) });
    }
  };
  for (const connection of connections) {
    if (!directory.isOnline(host.id)) return false;
    const { kind, place, source } = connection;
    await look({ kind, place, via: source.id }, () => askServer(context, connection));
  }
  if (hasDirectories) await look({ kind: FILES, place: HOST_ITSELF }, () => askDirectories(context, host.id, sources));
  return directory.isOnline(host.id);
}

/** Asks the hosts whose turn it is; tells how many were asked. The ticker calls it. */
export async function runCoverageRound(context: CoreContext): Promise<number> {
  const { store, clock, directory, bus, log } = context;
  let asked = 0;
  for (const id of await store.coverage.listDueHosts(tenant, clock.now(), COVERAGE.hostsPerRound)) {
    const host = await store.hosts.findHost(tenant, id);
    let isDone = false;
    try {
      isDone = host?.state === 'active' && directory.isOnline(id) && (await lookAtCoverage(context, host));
    } catch (error) {
      log.warn({ host: id, err: error }, 'a host could not be asked what nobody protects on it; it is asked again in an hour');
    }
    await store.coverage.setTurn(tenant, id, clock.now() + (isDone ? COVERAGE.everyMs : COVERAGE.againMs));
    if (isDone) asked += 1;
  }
  if (asked > 0) for (const topic of [TOPICS.overview, TOPICS.sources]) bus.publish(tenant, { kind: 'refresh', topic });
  return asked;
}
