/** Finding the databases of a connection that is typed and not saved, and making sources of those that were chosen. */
import type { Field } from '@holdfast/shared/adapters/field.ts';
import type { Caller } from '../../../core/caller.ts';
import type { CoreContext } from '../../../core/ports.ts';
import { discoverSources, type SourceDraft } from '../../../core/sources/sources.ts';
import type { Visit } from '../../http/route.ts';
import { type FormProblem, NO_PROBLEM } from '../forms/form-problem.ts';
import { type Adopted, adoptEach, readChosen } from './source-discover.ts';
import { encodeName, SELECT_ONE } from './source-discover.view.ts';
import type { FindView } from './source-find.view.ts';
import { toUnasked } from './source-test.ts';

/** What the form shows of a question about its connection, and its fields at fault. */
export interface Findings {
  find: Pick<FindView, 'found' | 'chosen' | 'problem' | 'refused'>;
  problem: FormProblem;
}

/** Lists what the typed connection offers; throws only what no form can show. */
export async function findTyped(
  context: CoreContext,
  caller: Caller,
  connection: SourceDraft,
  fields: readonly Field[],
): Promise<Findings> {
  try {
    const found = await discoverSources(context, caller, connection);
    return { find: { found: found.map(({ name, sizeBytes, known }) => ({ name, sizeBytes, known })) }, problem: NO_PROBLEM };
  } catch (thrown) {
    const { problem, view } = toUnasked(thrown, fields);
    return { find: { problem: problem.text ?? `The connection needs another look. ${view.words ?? ''}` }, problem };
  }
}

/**
 * Makes a source of each chosen database that works from its host. They are listed once more before, so that nothing is saved of a
 * database that is gone; what was refused comes back with the list as it is now.
 */
export async function adoptTyped(
  context: CoreContext,
  visit: Pick<Visit, 'caller' | 'form'>,
  connection: SourceDraft,
  fields: readonly Field[],
): Promise<Pick<Adopted, 'added' | 'warnings'> | Findings> {
  const { caller } = visit;
  const chosen = readChosen(visit.form);
  const listed = await findTyped(context, caller, connection, fields);
  const { found } = listed.find;
  if (found === undefined) return listed;
  if (chosen.length === 0) return { ...listed, find: { found, chosen: [], problem: SELECT_ONE } };
  const offered = new Set(found.map(({ name }) => name));
  const gone = chosen
    .filter((name) => !offered.has(name))
    .map((name) => ({ name, why: 'the server does not offer it any more.' }));
  const kept = chosen.filter((name) => offered.has(name));
  const outcome = await adoptEach(context, caller, connection, kept);
  const refused = [...gone, ...outcome.refused];
  if (refused.length === 0) return outcome;
  const after = await findTyped(context, caller, connection, fields);
  return { ...after, find: { ...after.find, refused, chosen: refused.map(({ name }) => encodeName(name)) } };
}
