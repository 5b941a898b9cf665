/** What a restore by hand needs on a host that keeps no secrets: what is missing, in words, and what was given, as the tools want it. */
import { getRepositoryAdapter, getSourceAdapter } from '@holdfast/shared/adapters/all.ts';
import type { Spec, SpecRepository, SpecSource } from '@holdfast/shared/domain/plan.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { type GivenSecrets, SECRETS_VARIABLE } from '../given-secrets.ts';
import type { SecretsApart } from '../runs/secrets/secret-holder.ts';

type Owner = Pick<SpecSource | SpecRepository, 'id' | 'name' | 'kind' | 'secretsApart'>;

const findGiven = (given: GivenSecrets | undefined, { id, name }: Pick<Owner, 'id' | 'name'>) => given?.[id] ?? given?.[name];

/** The given secrets under the names of the spec. */
export function createGivenSecrets(spec: Spec, given: GivenSecrets | undefined): SecretsApart {
  return {
    find({ purpose, ref }) {
      const owners: readonly Owner[] = purpose === 'source' ? spec.sources : spec.repositories;
      const owner = owners.find(({ id }) => id === ref);
      const values = owner && findGiven(given, owner);
      return values && { values };
    },
  };
}

/** Whether its secrets are kept here, were given, or are not needed. */
export function isOpenable(owner: Owner, given: GivenSecrets | undefined): boolean {
  return !owner.secretsApart || findGiven(given, owner) !== undefined;
}

/** Says what is missing and how to give it. */
export function createMissingError(what: 'source' | 'repository', owners: readonly Owner[]): AppError {
  const describe = ({ name, kind }: Owner) => {
    const { fields } = what === 'source' ? getSourceAdapter(kind) : getRepositoryAdapter(kind);
    const secret = fields.filter((field) => field.kind === 'secret');
    return { name, needed: secret.filter(({ required }) => required), possible: secret };
  };
  const all = owners.map(describe);
  const list = all
    .map(({ name, possible }) => `${what} "${name}" (${possible.map((field) => field.name).join(', ')})`)
    .join(', ');
  const example = Object.fromEntries(
    all.map(({ name, needed, possible }) => [
      name,
      Object.fromEntries((needed.length > 0 ? needed : possible).map((field) => [field.name, '…'])),
    ]),
  );
  return new AppError(
    'precondition',
    `this host keeps no secrets, and those of ${list} were not given. Write them into a file that only you can read, as ${JSON.stringify(example)}, and name it in ${SECRETS_VARIABLE}_FILE; or restore from the server’s pages`,
  );
}
