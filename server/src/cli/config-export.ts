/** The server as a config file: what `plan apply` makes of it on another server is the same, and on this one nothing. */
import { DEFAULT_PLAN_OPTIONS } from '@holdfast/shared/domain/plan.ts';
import { stringify } from 'yaml';
import { fieldDefaults, nameSource, USUAL_SUBSCRIPTION } from './config-file.ts';
import { arrangeOptions, arrangeSubscription, collectNames, nameOf, type ServerState } from './config-state.ts';

type Values = Readonly<Record<string, unknown>>;

export interface Exported {
  file: Readonly<Record<string, unknown>>;
  /** Variables that the file refers to in the place of secrets, which never leave the server. */
  variables: readonly string[];
}

function leaveOut(values: Values, usual: Values): Values {
  const differs = ([name, value]: [string, unknown]) => JSON.stringify(value) !== JSON.stringify(usual[name]);
  return Object.fromEntries(Object.entries(values).filter(differs));
}

function isEmpty(values: Values): boolean {
  return Object.keys(values).length === 0;
}

/** `HOLDFAST_SECRET` would be one of ours; these are the operator's. */
function nameVariable(...words: readonly string[]): string {
  return words
    .join('_')
    .toUpperCase()
    .replaceAll(/[^A-Z0-9]+/g, '_')
    .replace(/^(?=\d)/, '_');
}

/** Its own schedule, or the name of the shared one. */
function writeSchedule(
  names: ReadonlyMap<string, string>,
  { schedule, sharedSchedule }: Pick<ServerState['plans'][number], 'schedule' | 'sharedSchedule'>,
): Values {
  if (sharedSchedule !== undefined) return { sharedSchedule: nameOf(names, sharedSchedule) };
  return schedule === undefined ? {} : { schedule };
}

export function exportConfig(state: ServerState): Exported {
  const names = collectNames(state);
  const variables = new Set<string>();
  const referTo = (secrets: Values, ...words: readonly string[]): Values => {
    const references = Object.keys(secrets).map((field) => {
      const variable = nameVariable(...words, field);
      variables.add(variable);
      return [field, `env:${variable}`] as const;
    });
    return references.length === 0 ? {} : { secrets: Object.fromEntries(references) };
  };
  const optional = (name: string, values: Values): Values => (isEmpty(values) ? {} : { [name]: values });
  const file = {
    version: 1,
    policies: state.policies
      .filter(({ createdAt }) => createdAt !== 0)
      .map(({ name, description, policy }) => ({
        name,
        ...(description === '' ? {} : { description }),
        policy: Object.fromEntries(Object.entries(policy).filter(([, value]) => value !== 0)),
      })),
    schedules: state.schedules.map(({ name, description, schedule }) => ({
      name,
      ...(description === '' ? {} : { description }),
      schedule,
    })),
    repositories: state.repositories.map(({ name, kind, config, secrets, runsAtOnce }) => ({
      name,
      kind,
      ...optional('config', leaveOut(config, fieldDefaults('repositories', kind))),
      ...referTo(secrets, 'repository', name),
      ...(runsAtOnce === undefined ? {} : { runsAtOnce }),
    })),
    sources: state.sources.map(({ name, host, kind, config, secrets, enabled }) => {
      const hostName = nameOf(names.hosts, host);
      return {
        name,
        host: hostName,
        kind,
        ...optional('config', leaveOut(config, fieldDefaults('sources', kind))),
        ...referTo(secrets, 'source', nameSource({ host: hostName, name })),
        ...(enabled ? {} : { enabled }),
      };
    }),
    channels: state.channels.map(({ name, kind, config, secrets, enabled, subscription }) => ({
      name,
      kind,
      ...optional('config', config),
      ...referTo(secrets, 'channel', name),
      // Always there, because one that is left out stays as it is.
      subscription: {
        least: subscription.least,
        ...leaveOut(
          arrangeSubscription(subscription, (plan) => nameOf(names.plans, plan)),
          USUAL_SUBSCRIPTION,
        ),
      },
      ...(enabled ? {} : { enabled }),
    })),
    plans: state.plans.map(({ name, schedule, enabled, options, ...plan }) => ({
      name,
      repository: nameOf(names.repositories, plan.repository),
      sources: plan.sources.map((source) => nameOf(names.sources, source)),
      ...writeSchedule(names.schedules, { schedule, sharedSchedule: plan.sharedSchedule }),
      ...optional(
        'options',
        arrangeOptions(leaveOut(options, DEFAULT_PLAN_OPTIONS), (host) => nameOf(names.hosts, host)),
      ),
      ...(plan.retentionPolicy === undefined ? {} : { retentionPolicy: nameOf(names.policies, plan.retentionPolicy) }),
      ...(plan.copyRepository === undefined ? {} : { copyRepository: nameOf(names.repositories, plan.copyRepository) }),
      ...(plan.copyPolicy === undefined ? {} : { copyPolicy: nameOf(names.policies, plan.copyPolicy) }),
      ...(enabled ? {} : { enabled }),
    })),
  };
  return { file, variables: [...variables] };
}

export function writeYaml(file: Readonly<Record<string, unknown>>): string {
  return stringify(file, { lineWidth: 0, version: '1.2' });
}
