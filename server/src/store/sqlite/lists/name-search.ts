/** What a text that a person looks for may mean: things by a part of their name, runs and snapshots by how their ids begin. */
import {
  type HostId,
  idSchema,
  type PlanId,
  type RepositoryId,
  type SourceId,
  type TenantId,
} from '@holdfast/shared/domain/ids.ts';
import type { PassedOver } from '@holdfast/shared/domain/list-orders.ts';
import { SEARCH } from '@holdfast/shared/limits.ts';
import * as z from 'zod';
import { foldName } from '../columns.ts';
import { numberOf } from '../id-numbers.ts';
import type { Select, Sql } from '../statements.ts';

/** Things whose names have the text in them, each noun's first by name. */
export interface FoundNames {
  hosts: readonly HostId[];
  sources: readonly SourceId[];
  plans: readonly PlanId[];
  repositories: readonly RepositoryId[];
  /** Nouns of which more fit than are followed. */
  passedOver: readonly PassedOver[];
}

/** Runs or snapshots by the numbers of their rows, the newest of each meaning. */
export interface FoundIds {
  numbers: readonly number[];
  isCut: boolean;
}

export function createNameSearch(sql: Sql): (tenant: TenantId, text: string) => FoundNames {
  const find = (table: string, kind: 'host' | 'source' | 'plan' | 'repository') =>
    sql.select(
      `SELECT id FROM ${table} INDEXED BY ${table}_by_name WHERE tenant_id = @tenant AND instr(name_key, @text) > 0
       ORDER BY name_key, id LIMIT ${SEARCH.names + 1}`,
      z.object({ id: idSchema(kind) }),
    );
  const nouns = {
    hosts: find('hosts', 'host'),
    sources: find('sources', 'source'),
    plans: find('plans', 'plan'),
    repositories: find('repositories', 'repository'),
  } as const;
  return (tenant, text) => {
    const passedOver: PassedOver[] = [];
    const list = <T>(noun: keyof typeof nouns, found: Select<{ id: T }>): T[] => {
      const ids = found.list({ tenant, text: foldName(text) }).map(({ id }) => id);
      if (ids.length > SEARCH.names) passedOver.push(noun);
      return ids.slice(0, SEARCH.names);
    };
    return {
      hosts: list('hosts', nouns.hosts as Select<{ id: HostId }>),
      sources: list('sources', nouns.sources as Select<{ id: SourceId }>),
      plans: list('plans', nouns.plans as Select<{ id: PlanId }>),
      repositories: list('repositories', nouns.repositories as Select<{ id: RepositoryId }>),
      passedOver,
    };
  };
}

/** All ids that begin with a text lie between it and this: ids are ASCII. */
const PAST = '\u007f';

type Meaning = 'run' | 'request' | 'snapshot' | 'engine';

/** What the beginning of an id may be of; without its kind it must be long enough to mean one. */
function readMeanings(text: string): readonly { of: Meaning; begin: string }[] {
  const meanings: { of: Meaning; begin: string }[] = [];
  if (/^(run|snap|req)_[A-Za-z0-9_-]+$/u.test(text)) {
    meanings.push({ of: text.startsWith('run') ? 'run' : text.startsWith('snap') ? 'snapshot' : 'request', begin: text });
  } else {
    if (/^[0-9a-z]{6,26}$/u.test(text)) {
      meanings.push({ of: 'run', begin: `run_${text}` }, { of: 'snapshot', begin: `snap_${text}` });
    }
    // Whoever calls the server may bring the id of the request.
    if (/^[A-Za-z0-9][A-Za-z0-9._-]{7,63}$/u.test(text)) meanings.push({ of: 'request', begin: text });
  }
  if (/^[0-9a-f]{4,64}$/u.test(text)) meanings.push({ of: 'engine', begin: text });
  return meanings;
}

const row = z.object({ no: z.int() });
const begins = (column: string) => `${column} >= @begin AND ${column} < @past`;
const OF_TENANT = `tenant_no = ${numberOf('@tenant')}`;

/** Snapshots whose engine's id begins so, repository by repository. */
const ofEngine = (shown: string, join = '') =>
  `SELECT ${shown} FROM repositories p CROSS JOIN snapshots s ON s.${OF_TENANT} AND s.repository_no = ${numberOf('p.id')}
     AND ${begins('s.engine_id')} ${join} WHERE p.tenant_id = @tenant LIMIT @most`;

/** `texts`: how each meaning is looked for; `undefined` for what means nothing here. */
function createIdSearch(
  sql: Sql,
  texts: Readonly<Record<Meaning, string | undefined>>,
): (tenant: TenantId, text: string) => FoundIds {
  const selects = Object.entries(texts).map(
    ([of, text]) => [of, text === undefined ? undefined : sql.select(text, row)] as const,
  );
  const statements = new Map(selects);
  return (tenant, text) => {
    const numbers = new Set<number>();
    let isCut = false;
    for (const { of, begin } of readMeanings(text)) {
      const found = statements.get(of)?.list({ tenant, begin, past: `${begin}${PAST}`, most: SEARCH.ids + 1 }) ?? [];
      isCut ||= found.length > SEARCH.ids;
      for (const { no } of found.slice(0, SEARCH.ids)) numbers.add(no);
    }
    return { numbers: [...numbers], isCut };
  };
}

/** Runs by their own id, by the request that ordered them, and by a snapshot they made. */
export function createRunIdSearch(sql: Sql): (tenant: TenantId, text: string) => FoundIds {
  const made = 'CROSS JOIN runs r ON r.id = s.run_id';
  return createIdSearch(sql, {
    run: `SELECT r.no FROM runs r WHERE ${begins('r.id')} AND +r.${OF_TENANT} ORDER BY r.id DESC LIMIT @most`,
    request: `SELECT r.no FROM runs r INDEXED BY runs_by_request WHERE ${begins('r.request_id')} AND +r.${OF_TENANT}
      ORDER BY r.request_id DESC LIMIT @most`,
    snapshot: `SELECT r.no FROM snapshots s ${made} WHERE ${begins('s.id')} AND +s.${OF_TENANT} ORDER BY s.id DESC LIMIT @most`,
    engine: ofEngine('r.no', made),
  });
}

/** Snapshots by their own id, by that of their engine, and by the run that made them. */
export function createSnapshotIdSearch(sql: Sql): (tenant: TenantId, text: string) => FoundIds {
  return createIdSearch(sql, {
    run: `SELECT s.no FROM snapshots s INDEXED BY snapshots_by_run WHERE ${begins('s.run_id')} AND +s.${OF_TENANT}
      ORDER BY s.run_id DESC LIMIT @most`,
    request: undefined,
    snapshot: `SELECT s.no FROM snapshots s WHERE ${begins('s.id')} AND +s.${OF_TENANT} ORDER BY s.id DESC LIMIT @most`,
    engine: ofEngine('s.no'),
  });
}
