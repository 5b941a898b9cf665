/** What is broken on a host and would cost or endanger its backups: judged here and nowhere else. */
import { findRepositoryAdapter, findSourceAdapter } from '@holdfast/shared/adapters/all.ts';
import { chooseTools } from '@holdfast/shared/adapters/tool-sets.ts';
import { AILMENT_NAMES, AILMENT_TEXT_MAX, type Ailment, type AilmentKind } from '@holdfast/shared/domain/ailments.ts';
import { HOST_HEALTH } from '@holdfast/shared/domain/host-health.ts';
import { hasCapability } from '@holdfast/shared/protocol/capabilities.ts';
import type { AgentFrames } from '@holdfast/shared/protocol/messages.ts';
import type { Host } from '../../store/hosts.ts';
import type { Plan } from '../../store/plans.ts';
import type { Repository } from '../../store/repositories.ts';
import type { Source } from '../../store/sources.ts';
import { judgeSkew, recordHappening } from '../ingest.ts';
import type { CoreContext } from '../ports.ts';

/** Why a host did not take what it was sent last; undefined: it took it. */
export interface Refusals {
  spec?: string | undefined;
  secrets?: string | undefined;
}

export interface HostSigns {
  host: Pick<Host, 'facts' | 'tools' | 'skewMs' | 'secretsMode'>;
  /** All of the host; those that are switched off need nothing. */
  sources: readonly Pick<Source, 'name' | 'kind' | 'enabled'>[];
  /** Those its plans that are switched on back up to. */
  repositories: readonly Pick<Repository, 'name' | 'kind'>[];
  /** Those of its plans that are switched on. */
  plans: readonly Pick<Plan, 'name' | 'options'>[];
  heartbeat: Pick<AgentFrames['heartbeat'], 'stateDiskFreeBytes' | 'journalBytes' | 'journalTakesWrites'>;
  refusals: Refusals;
}

/** Names that one sentence lists. */
const NAMES_SHOWN = 3;

const MEBIBYTE = 1024 ** 2;

/**
 * Empty: nothing is known to be broken. Texts name no figure that changes by itself, so that a host that stays as it is has the same ones.
 */
export function findAilments(signs: HostSigns): readonly Ailment[] {
  const texts: Readonly<Record<AilmentKind, string | undefined>> = {
    tools: describeTools(signs),
    hooks: describeHooks(signs),
    children: describeChildren(signs),
    settings: describeSettings(signs),
    secrets: describeSecrets(signs),
    clock: describeClock(signs),
    room: describeRoom(signs),
    journal: describeJournal(signs),
  };
  return Object.entries(texts).flatMap(([about, text]) =>
    text === undefined ? [] : [{ about: about as AilmentKind, text: text.slice(0, AILMENT_TEXT_MAX) }],
  );
}

/** What does not work without each tool. restic is needed before there is anything. */
function listNeeds({ sources, repositories, host }: HostSigns): ReadonlyMap<string, readonly string[]> {
  const needs = new Map<string, string[]>([['restic', []]]);
  const note = (tools: readonly string[] | undefined, who: string) => {
    for (const tool of tools ?? []) needs.set(tool, [...(needs.get(tool) ?? []), who]);
  };
  const has = (tool: string) => host.tools.some((report) => report.tool === tool && report.found);
  for (const { kind, name, enabled } of sources) {
    const adapter = enabled ? findSourceAdapter(kind) : undefined;
    note(adapter && chooseTools(adapter, has), name);
  }
  for (const { kind, name } of repositories) note(findRepositoryAdapter(kind)?.tools, `repository ${name}`);
  return needs;
}

function listNames(names: readonly string[]): string {
  const shown = names.slice(0, NAMES_SHOWN).join(', ');
  return names.length > NAMES_SHOWN ? `${shown} and ${names.length - NAMES_SHOWN} more` : shown;
}

/** A tool that was found and has advice cannot be used as it is. A host that told of no tools has not looked. */
function describeTools(signs: HostSigns): string | undefined {
  const needs = listNeeds(signs);
  const lines = signs.host.tools.flatMap(({ tool, found, advice }) => {
    const who = needs.get(tool);
    if (who === undefined || (found && advice === undefined)) return [];
    const what = tool === 'restic' ? 'nothing is backed up without it' : `needed by ${listNames(who)}`;
    return [`${tool} ${found ? 'cannot be used' : 'is missing'}, ${what}: ${advice ?? 'install it'}`];
  });
  return lines.length === 0 ? undefined : lines.join('. ');
}

/** A plan whose script cannot be used fails at each run, or leaves undone what was to follow. An agent that tells of none has not looked. */
function describeHooks({ plans, host: { facts } }: HostSigns): string | undefined {
  const told = facts?.hooks;
  if (told === undefined) return undefined;
  const needs = new Map<string, string[]>();
  for (const { name, options } of plans)
    for (const hook of new Set([options.hooks.before, options.hooks.after]))
      if (hook !== undefined) needs.set(hook, [...(needs.get(hook) ?? []), name]);
  const lines = [...needs].flatMap(([hook, who]) => {
    const needed = `needed by ${listNames(who)}`;
    if (told.problem !== undefined) return [`${hook} cannot be used, ${needed}: ${told.problem}`];
    const unusable = told.unusable.find(({ name }) => name === hook);
    if (unusable) return [`${hook} cannot be used, ${needed}: ${unusable.problem}`];
    if (told.usable.includes(hook) || !told.isWhole) return [];
    return [`${hook} is not in ${told.directory}, ${needed}: install it there, or take it out of the plan`];
  });
  return lines.length === 0 ? undefined : lines.map((line) => line.replace(/\.$/u, '')).join('. ');
}

function describeChildren({ host: { facts } }: HostSigns): string | undefined {
  if (facts?.pdeathsig !== false) return undefined;
  return 'tools outlive a killed agent, which could leave a truncated dump that looks good; install util-linux with setpriv';
}

function describeSettings({ refusals: { spec } }: HostSigns): string | undefined {
  return spec === undefined ? undefined : `it works by older settings, because the newest did not reach it: ${spec}`;
}

function describeSecrets({ host, refusals: { secrets } }: HostSigns): string | undefined {
  if (host.secretsMode === 'kept') return undefined;
  if (!hasCapability(host.facts, 'secrets.put'))
    return 'it is to keep none, and its agent cannot be handed them; install a newer agent';
  return secrets === undefined ? undefined : `it keeps none and was not handed them, so nothing is backed up: ${secrets}`;
}

function describeClock({ host: { skewMs } }: HostSigns): string | undefined {
  if (skewMs === undefined || judgeSkew(skewMs) !== 'alert') return undefined;
  const side = skewMs > 0 ? 'ahead of' : 'behind';
  return `it is more than a minute ${side} this server’s; schedules follow the host’s clock, so let it keep time`;
}

function describeRoom({ heartbeat: { stateDiskFreeBytes } }: HostSigns): string | undefined {
  const least = HOST_HEALTH.roomBadBytes;
  if (stateDiskFreeBytes >= least) return undefined;
  return `less than ${least / MEBIBYTE} MiB are free; make room on the disk of the agent’s state directory, or logs are cut and new settings refused`;
}

function describeJournal({ heartbeat }: HostSigns): string | undefined {
  if (heartbeat.journalTakesWrites === false)
    return 'its disk refuses writes, so what happens is kept in memory only; free space on the disk of the agent’s state directory, or make it writable';
  if ((heartbeat.journalBytes ?? 0) < HOST_HEALTH.journalLookBytes) return undefined;
  return `it has grown beyond ${HOST_HEALTH.journalLookBytes / 1024 ** 3} GiB, far more than its keeping times let it; see the agent’s log for what keeps it from shrinking`;
}

/** Whether two heartbeats say the same of what is judged here, so that it need not be judged again. */
export function isSameToAilments(a: HostSigns['heartbeat'], b: HostSigns['heartbeat']): boolean {
  const say = (heartbeat: HostSigns['heartbeat']) =>
    [describeRoom, describeJournal].map((describe) => describe({ heartbeat } as HostSigns));
  return say(a).join() === say(b).join();
}

/** What its history has of a change; undefined where only the texts are others. */
function describeTurn(before: readonly Ailment[], now: readonly Ailment[]): { isBad: boolean; text: string } | undefined {
  const name = (ailments: readonly Ailment[]) => ailments.map(({ about }) => AILMENT_NAMES[about]).join(', ');
  const [were, are] = [name(before), name(now)];
  if (were === are) return undefined;
  if (now.length === 0) return { isBad: false, text: `well again: nothing found broken any more (was: ${were})` };
  return { isBad: true, text: before.length === 0 ? `degraded: ${are}` : `degraded: ${are} (was: ${were})` };
}

/** Judges a connected host anew, keeps what was found, and tells its history of a turn. True when that is something else than before. */
export async function judgeHost(
  context: CoreContext,
  { id, tenant }: Pick<Host, 'id' | 'tenant'>,
  told: Pick<HostSigns, 'heartbeat' | 'refusals'>,
): Promise<boolean> {
  const { store } = context;
  const host = await store.hosts.findHost(tenant, id);
  if (host?.state !== 'active') return false;
  const sources = await store.sources.listSourcesOfHost(tenant, id);
  const enabled = new Set(sources.flatMap((source) => (source.enabled ? [source.id] : [])));
  const plans = (await store.plans.listPlansOfHost(tenant, id)).filter(
    (plan) => plan.enabled && plan.sources.some((source) => enabled.has(source)),
  );
  const wanted = new Set(
    plans.flatMap(({ repository, copyRepository }) => [repository, ...(copyRepository ? [copyRepository] : [])]),
  );
  const repositories = wanted.size === 0 ? [] : await store.repositories.findRepositories(tenant, [...wanted]);
  const ailments = findAilments({ host, sources, repositories, plans, ...told });
  const isOther = await store.hosts.recordAilments(id, ailments);
  const turn = isOther ? describeTurn(host.ailments ?? [], ailments) : undefined;
  if (turn !== undefined)
    await recordHappening(context, host, turn.isBad ? 'host.degraded' : 'host.well', turn.isBad ? 'warn' : 'info', turn.text);
  return isOther;
}
