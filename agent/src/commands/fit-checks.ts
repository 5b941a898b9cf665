/** What `doctor` says of settings that this agent cannot go by: each run that needs them fails. A server may be newer than its agents. */
import { findRepositoryAdapter, findSourceAdapter } from '@holdfast/shared/adapters/all.ts';
import { createConfigSchema, type Field } from '@holdfast/shared/adapters/field.ts';
import type { Spec, SpecRepository, SpecSource } from '@holdfast/shared/domain/plan.ts';
import type { Check } from './tool-checks.ts';

const NEWER = 'its backups fail; install a newer agent';

/** Undefined where this agent knows the kind and takes the configuration. */
function findMisfit(
  fields: readonly Field[] | undefined,
  { kind, config }: Pick<SpecSource, 'kind' | 'config'>,
): string | undefined {
  if (fields === undefined) return `this agent does not know the kind ${kind}: ${NEWER}`;
  const issue = createConfigSchema(fields).safeParse(config).error?.issues[0];
  return issue && `its configuration does not fit this agent (${issue.path.join('.')}: ${issue.message}): ${NEWER}`;
}

/** One check for each source and repository of a plan that is switched on and could not be carried out; none where all is well. */
export function checkFit({ plans, sources, repositories }: Pick<Spec, 'plans' | 'sources' | 'repositories'>): Check[] {
  const enabled = plans.filter((plan) => plan.enabled);
  const wanted = new Set<string>(
    enabled.flatMap(({ repositoryId, sourceIds, copy }) => [repositoryId, ...sourceIds, ...(copy ? [copy.repositoryId] : [])]),
  );
  const judge = (what: string, one: SpecSource | SpecRepository, fields: readonly Field[] | undefined): Check[] => {
    const text = wanted.has(one.id) ? findMisfit(fields, one) : undefined;
    return text === undefined ? [] : [{ name: `${what} ${one.name}`, verdict: 'bad', text }];
  };
  return [
    ...sources.flatMap((source) => judge('source', source, findSourceAdapter(source.kind)?.fields)),
    ...repositories.flatMap((repository) => judge('repository', repository, findRepositoryAdapter(repository.kind)?.fields)),
  ];
}
