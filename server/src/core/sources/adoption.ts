/** Making sources of the databases that a connection offers, each tried from its host first where that is asked for. */
import { getSourceAdapter } from '@holdfast/shared/adapters/all.ts';
import type { Config, Secrets } from '@holdfast/shared/adapters/field.ts';
import type { SourceId } from '@holdfast/shared/domain/ids.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import type { Source } from '../../store/sources.ts';
import { parseAdapterInput } from '../adapters/adapter-input.ts';
import { createTestError } from '../adapters/tested-saves.ts';
import { findSourcePlace } from '../adapters/tool-place.ts';
import { type Caller, demand } from '../caller.ts';
import type { CoreContext } from '../ports.ts';
import { decryptSecrets } from '../secrets.ts';
import { type TestOutcome, testOnOneHost } from './source-tests.ts';
import { completeConnection, createSource, getSource, type SourceDraft, type SourceInput } from './sources.ts';

/** What databases were found through: a saved source, or what is typed. */
export type Connection = { source: SourceId } | Omit<SourceDraft, 'base'>;

export interface ChosenDatabase {
  /** Of the source it becomes. */
  name: string;
  database: string;
}

type KnownConnection = Pick<SourceInput, 'host' | 'kind'> & { config: Config; secrets: Secrets };

async function readConnection(context: CoreContext, caller: Caller, connection: Connection): Promise<KnownConnection> {
  if ('kind' in connection) {
    const { host, kind } = connection;
    return { host, kind, ...parseAdapterInput(getSourceAdapter(kind).fields, completeConnection(connection)) };
  }
  const { id, tenant, host, kind, config, secrets } = await getSource(context, caller, connection.source);
  return { host, kind, config, secrets: decryptSecrets(context, { tenant, table: 'sources', row: id }, secrets) };
}

/** What a source of each database would be. Throws `unsupported` for a kind without discovery. */
async function prepareSources(
  context: CoreContext,
  caller: Caller,
  connection: Connection,
  chosen: readonly ChosenDatabase[],
): Promise<readonly SourceInput[]> {
  demand(caller, 'source.manage');
  const { config, ...base } = await readConnection(context, caller, connection);
  const { discovery } = getSourceAdapter(base.kind);
  if (!discovery) throw new AppError('unsupported', 'there is nothing to discover for this kind of source');
  return chosen.map(({ name, database }) => ({ ...base, name, config: discovery.configFor(config, { name: database }) }));
}

function refuseAdoption(input: SourceInput | undefined, { text, reason, unasked }: TestOutcome): AppError {
  const { name = '', kind = '' } = input ?? {};
  if (unasked !== undefined) return new AppError(unasked, `not saved: ${name}: ${text}`);
  return createTestError(`${name} does not work from its host`, findSourcePlace(kind), { message: text, reason });
}

/** Tries each of them from the host; in their order, and within `SOURCE_TESTS.wholeMs`. Throws as `adoptDiscovered` does. */
export async function testDiscovered(
  context: CoreContext,
  caller: Caller,
  connection: Connection,
  chosen: readonly ChosenDatabase[],
): Promise<readonly TestOutcome[]> {
  return testOnOneHost(context, caller, await prepareSources(context, caller, connection, chosen));
}

/**
 * Makes sources of discovered databases, with the secrets of the connection they were found through: a saved one's, or those typed. With
 * `tested`, throws `tool_failed` before anything is made where one of them does not work from its host, and what kept it from being asked. Throws `unsupported` for a kind
 * without discovery, and what `createSource` throws; those before it in the list are made by then.
 */
export async function adoptDiscovered(
  context: CoreContext,
  caller: Caller,
  connection: Connection,
  chosen: readonly ChosenDatabase[],
  { tested = false }: { tested?: boolean | undefined } = {},
): Promise<readonly Source[]> {
  const inputs = await prepareSources(context, caller, connection, chosen);
  const outcomes = tested ? await testOnOneHost(context, caller, inputs) : [];
  for (const [at, outcome] of outcomes.entries()) if (!outcome.works) throw refuseAdoption(inputs[at], outcome);
  const made: Source[] = [];
  for (const input of inputs) made.push(await createSource(context, caller, input));
  return made;
}
