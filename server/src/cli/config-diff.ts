/** What would have to change for the server to be as a file says. Pure: the file and the state in, the list of changes out. */
import { DEFAULT_PLAN_OPTIONS } from '@holdfast/shared/domain/plan.ts';
import { type ConfigFile, completeConfig, nameSource } from './config-file.ts';
import { arrangeOptions, arrangeSubscription, collectNames, type Names, nameOf, type ServerState } from './config-state.ts';

/** In the order in which they refer to each other. */
export const SECTIONS = ['policies', 'schedules', 'repositories', 'sources', 'plans', 'channels'] as const;
export type Section = (typeof SECTIONS)[number];

export type Values = Readonly<Record<string, unknown>>;

export interface FieldChange {
  /** `config.paths`, `schedule.cron`. */
  field: string;
  before: unknown;
  after: unknown;
}

export interface Change {
  /** `extra`: the server has it, the file does not. */
  action: 'create' | 'update' | 'extra';
  section: Section;
  /** As the file names it; a source as `host/name`. */
  name: string;
  id?: string | undefined;
  /** The one that it has when its turn comes. */
  version?: number | undefined;
  fields: readonly FieldChange[];
  /** Secrets to send, by field, as references. */
  secrets: Readonly<Record<string, string>>;
  /** All that the file says, with what its kind fills in. */
  wanted: Values;
}

export interface ConfigDiff {
  changes: readonly Change[];
  /** Why the file cannot be applied to this server as it is. */
  problems: readonly string[];
}

interface Present {
  id: string;
  version: number;
  name: string;
  values: Values;
  /** Names of the secrets that are stored. */
  stored: readonly string[];
}

interface Wanted {
  name: string;
  values: Values;
  secrets: Readonly<Record<string, string>>;
}

/** `{a: {b: 1}}` as `{'a.b': 1}`: a change is told field by field. Lists stay whole. */
function flatten(value: unknown, before = ''): [string, unknown][] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [[before, value]];
  const inner = Object.entries(value).filter(([, one]) => one !== undefined);
  return inner.flatMap(([key, one]) => flatten(one, before === '' ? key : `${before}.${key}`));
}

/** Objects by their sorted keys, so that equal things are equal text. */
function toText(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

function compareValues(before: Values, after: Values): readonly FieldChange[] {
  const [old, fresh] = [new Map(flatten(before)), new Map(flatten(after))];
  return [...new Set([...old.keys(), ...fresh.keys()])]
    .filter((field) => toText(old.get(field) ?? null) !== toText(fresh.get(field) ?? null))
    .map((field) => ({ field, before: old.get(field), after: fresh.get(field) }));
}

function listWanted(file: ConfigFile, section: Section): readonly Wanted[] | undefined {
  switch (section) {
    case 'policies':
      return file.policies?.map(({ name, description, policy }) => ({ name, values: { description, policy }, secrets: {} }));
    case 'schedules':
      return file.schedules?.map(({ name, description, schedule }) => ({ name, values: { description, schedule }, secrets: {} }));
    case 'repositories':
      return file.repositories?.map(({ name, kind, config, secrets, runsAtOnce }) => ({
        name,
        values: { kind, runsAtOnce, config: completeConfig('repositories', kind, config) },
        secrets,
      }));
    case 'sources':
      return file.sources?.map(({ name, host, kind, config, enabled, secrets }) => ({
        name: nameSource({ host, name }),
        values: { kind, enabled, config: completeConfig('sources', kind, config) },
        secrets,
      }));
    case 'channels':
      return file.channels?.map(({ name, kind, config, enabled, secrets, subscription }) => ({
        name,
        values: { kind, enabled, config, subscription: subscription && arrangeSubscription(subscription) },
        secrets,
      }));
    case 'plans':
      return file.plans?.map(({ name, sources, ...values }) => ({
        name,
        values: { ...values, sources: [...sources].sort() },
        secrets: {},
      }));
  }
}

function listPresent(state: ServerState, names: Names, section: Section): readonly Present[] {
  switch (section) {
    case 'policies':
      return state.policies.map(({ id, version, name, description, policy }) => ({
        ...{ id, version, name, stored: [] },
        values: { description, policy },
      }));
    case 'schedules':
      return state.schedules.map(({ id, version, name, description, schedule }) => ({
        ...{ id, version, name, stored: [] },
        values: { description, schedule },
      }));
    case 'repositories':
      return state.repositories.map(({ id, version, name, kind, config, secrets, runsAtOnce }) => ({
        ...{ id, version, name, stored: Object.keys(secrets) },
        // What its kind learned since it was stored counts as usual.
        values: { kind, runsAtOnce, config: completeConfig('repositories', kind, config) },
      }));
    case 'sources':
      return state.sources.map(({ id, version, name, host, kind, config, enabled, secrets }) => ({
        ...{ id, version, stored: Object.keys(secrets) },
        name: nameSource({ host: nameOf(names.hosts, host), name }),
        values: { kind, enabled, config: completeConfig('sources', kind, config) },
      }));
    case 'channels':
      return state.channels.map(({ id, version, name, kind, config, enabled, secrets, subscription }) => ({
        ...{ id, version, name, stored: Object.keys(secrets) },
        values: {
          ...{ kind, enabled, config },
          subscription: arrangeSubscription(subscription, (plan) => nameOf(names.plans, plan)),
        },
      }));
    case 'plans':
      return state.plans.map((plan) => ({
        ...{ id: plan.id, version: plan.version, name: plan.name, stored: [] },
        values: {
          repository: nameOf(names.repositories, plan.repository),
          sources: plan.sources.map((source) => nameOf(names.sources, source)).sort(),
          schedule: plan.sharedSchedule === undefined ? plan.schedule : undefined,
          sharedSchedule: plan.sharedSchedule && nameOf(names.schedules, plan.sharedSchedule),
          enabled: plan.enabled,
          options: arrangeOptions(plan.options, (host) => nameOf(names.hosts, host)),
          retentionPolicy: plan.retentionPolicy && nameOf(names.policies, plan.retentionPolicy),
          copyRepository: plan.copyRepository && nameOf(names.repositories, plan.copyRepository),
          copyPolicy: plan.copyPolicy && nameOf(names.policies, plan.copyPolicy),
        },
      }));
  }
}

/** What is left out of the file is as usual; what this server does not know is left out of the comparison. */
function settle(section: Section, wanted: Values, present: Values): Values {
  const [given, there] = [wanted, present] as Record<string, Values>[];
  if (section === 'plans') {
    const usual = Object.fromEntries(Object.entries(DEFAULT_PLAN_OPTIONS).filter(([name]) => name in (there?.['options'] ?? {})));
    return { ...wanted, options: { ...usual, ...given?.['options'] } };
  }
  // The kinds of channels are the server's own: what it filled in stays.
  if (section === 'channels') {
    const config = { ...there?.['config'], ...given?.['config'] };
    return { ...wanted, config, subscription: given?.['subscription'] ?? there?.['subscription'] };
  }
  return wanted;
}

function compareOne(section: Section, wanted: Wanted, present: Present | undefined, resend: boolean): Change | undefined {
  const { name, secrets } = wanted;
  if (present === undefined)
    return { action: 'create', section, name, fields: compareValues({}, wanted.values), secrets, wanted: wanted.values };
  const values = settle(section, wanted.values, present.values);
  const fields = compareValues(present.values, values);
  const missing = Object.fromEntries(Object.entries(secrets).filter(([field]) => resend || !present.stored.includes(field)));
  if (fields.length === 0 && Object.keys(missing).length === 0) return undefined;
  const { id, version } = present;
  return { action: 'update', section, name, id, version, fields, secrets: missing, wanted: values };
}

function findProblems(file: ConfigFile, names: Names, changes: readonly Change[]): readonly string[] {
  const known = (own: readonly string[], there: ReadonlyMap<string, string>) => (name: string) =>
    own.includes(name) || there.has(name);
  const isRepository = known(
    (file.repositories ?? []).map(({ name }) => name),
    names.repositories,
  );
  const isPolicy = known(
    (file.policies ?? []).map(({ name }) => name),
    names.policies,
  );
  const isSchedule = known(
    (file.schedules ?? []).map(({ name }) => name),
    names.schedules,
  );
  const isSource = known((file.sources ?? []).map(nameSource), names.sources);
  const ofPlans = (file.plans ?? []).flatMap((plan) => {
    const { name, repository, copyRepository, sources, retentionPolicy, copyPolicy, sharedSchedule, options } = plan;
    const ground = options.drills?.host;
    return [
      ...[repository, copyRepository ?? repository]
        .filter((wanted, at, all) => all.indexOf(wanted) === at && !isRepository(wanted))
        .map((wanted) => `plan ${name}: there is no repository called ${wanted}`),
      ...[retentionPolicy, copyPolicy]
        .filter((wanted) => wanted !== undefined && !isPolicy(wanted))
        .map((wanted) => `plan ${name}: there is no policy called ${wanted}`),
      ...(sharedSchedule === undefined || isSchedule(sharedSchedule)
        ? []
        : [`plan ${name}: there is no shared schedule called ${sharedSchedule}`]),
      ...(ground === undefined || names.hosts.has(ground)
        ? []
        : [`plan ${name}: there is no host called ${ground} for its drills; approve it first`]),
      ...sources.filter((source) => !isSource(source)).map((source) => `plan ${name}: there is no source ${source}`),
    ];
  });
  const ofSources = (file.sources ?? [])
    .filter(({ host }) => !names.hosts.has(host))
    .map((source) => `source ${nameSource(source)}: there is no host called ${source.host}; approve it first`);
  const ofKinds = changes
    .filter(({ action, fields }) => action === 'update' && fields.some(({ field }) => field === 'kind'))
    .map(
      ({ section, name }) =>
        `${section} ${name}: its kind stays what it is; give the new one another name, or delete the old one`,
    );
  const isPlan = known(
    (file.plans ?? []).map(({ name }) => name),
    names.plans,
  );
  const changedChannels = new Set(changes.filter(({ section }) => section === 'channels').map(({ name }) => name));
  const ofChannels = (file.channels ?? [])
    .filter(({ name }) => changedChannels.has(name))
    .flatMap(({ name, subscription }) =>
      (subscription?.plans ?? [])
        .filter((wanted) => !isPlan(wanted))
        .map((wanted) => `channel ${name}: there is no plan called ${wanted}`),
    );
  return [...ofSources, ...ofPlans, ...ofChannels, ...ofKinds];
}

/** A shared schedule that gets other times takes its plans with it before their own turn, as one new version of each. */
function expectMoves(changes: readonly Change[], { plans }: ServerState): readonly Change[] {
  const isMoved = ({ action, section, fields }: Change) =>
    action === 'update' && section === 'schedules' && fields.some(({ field }) => field.startsWith('schedule.'));
  const moved = new Set(changes.filter(isMoved).map(({ id }) => id));
  const movedPlans = new Set(
    plans.filter(({ sharedSchedule }) => sharedSchedule !== undefined && moved.has(sharedSchedule)).map(({ id }) => id),
  );
  return changes.map((change) =>
    change.section === 'plans' && change.version !== undefined && movedPlans.has(change.id ?? '')
      ? { ...change, version: change.version + 1 }
      : change,
  );
}

/** `resend`: every secret is sent anew, since a stored one cannot be compared. */
export function diffConfig(file: ConfigFile, state: ServerState, options: { resend?: boolean } = {}): ConfigDiff {
  const names = collectNames(state);
  // What came with the installation is nobody's drift.
  const ofInstallation = new Set(state.policies.filter(({ createdAt }) => createdAt === 0).map(({ id }) => id));
  const changes = SECTIONS.flatMap((section): readonly Change[] => {
    const wanted = listWanted(file, section);
    // What the file does not speak of is not its business.
    if (wanted === undefined) return [];
    const present = listPresent(state, names, section);
    const own = new Set(wanted.map(({ name }) => name));
    const extra = present.filter(({ id, name }) => !own.has(name) && !ofInstallation.has(id));
    return [
      ...wanted.flatMap((one) => {
        const there = present.find(({ name }) => name === one.name);
        return compareOne(section, one, there, options.resend === true) ?? [];
      }),
      ...extra.map(
        ({ id, version, name }): Change => ({ action: 'extra', section, name, id, version, fields: [], secrets: {}, wanted: {} }),
      ),
    ];
  });
  return { changes: expectMoves(changes, state), problems: findProblems(file, names, changes) };
}
