/** How far a new server is from its first proven backup. Read from what there is, so that a first start goes on where it was left. */
import { HTTP } from '@holdfast/shared/limits.ts';
import { type HostView, listHosts } from '../../../core/hosts/hosts.ts';
import { listPlans } from '../../../core/plans/plans.ts';
import type { CoreContext } from '../../../core/ports.ts';
import { listRepositories } from '../../../core/repositories/repositories.ts';
import { listRuns } from '../../../core/runs/runs.ts';
import { listSources } from '../../../core/sources/sources.ts';
import type { Drill } from '../../../store/drills.ts';
import type { Plan } from '../../../store/plans.ts';
import type { Repository } from '../../../store/repositories.ts';
import type { Run } from '../../../store/runs.ts';
import type { Source } from '../../../store/sources.ts';
import type { Visit } from '../../http/route.ts';
import type { WelcomeStep } from './welcome.view.ts';

/** Hosts looked at for one that is connected; a first start has one. */
const HOSTS_READ = 20;

export interface WelcomeProgress {
  /** The first host that is connected, else the first of all. */
  host: HostView | undefined;
  /** The first of that host, else the first of all. */
  source: Source | undefined;
  /** What a first plan may hold: switched on, and all on one host. */
  sources: readonly Source[];
  /** The first one a host has opened, else the first of all. */
  repository: Repository | undefined;
  plan: Plan | undefined;
  /** The newest backup and the newest drill. */
  backup: Run | undefined;
  drill: Run | undefined;
  /** The newest good backup there is, whatever became of later runs. */
  hasBackup: boolean;
  proven: Drill | undefined;
}

async function readCatalog(context: CoreContext, visit: Visit) {
  const { caller } = visit;
  const [hosts, sources, repositories, plans] = await Promise.all([
    listHosts(context, caller, { state: 'active' }, { limit: HOSTS_READ }),
    listSources(context, caller, {}, { limit: HTTP.pageSizeMax }),
    listRepositories(context, caller, {}, { limit: HTTP.pageSizeMax }),
    listPlans(context, caller, {}, { limit: 1 }),
  ]);
  const host = hosts.rows.find(({ standing }) => standing === 'online') ?? hosts.rows[0];
  const source = sources.rows.find((one) => one.enabled && one.host === host?.id) ?? sources.rows[0];
  return {
    host,
    source,
    sources: sources.rows.filter((one) => one.enabled && one.host === source?.host),
    repository: repositories.rows.find(({ engineId }) => engineId !== undefined) ?? repositories.rows[0],
    plan: plans.rows[0],
  };
}

export async function readProgress(context: CoreContext, visit: Visit): Promise<WelcomeProgress> {
  const { caller } = visit;
  const { store } = context;
  const [catalog, backups, drills, snapshots] = await Promise.all([
    readCatalog(context, visit),
    listRuns(context, caller, { kind: 'backup' }, { limit: 1 }),
    listRuns(context, caller, { kind: 'drill' }, { limit: 1 }),
    store.snapshots.countSnapshots(caller.tenant),
  ]);
  const proofs = await store.drills.listProofs(
    caller.tenant,
    catalog.sources.map(({ id }) => id),
  );
  return {
    ...catalog,
    backup: backups.rows[0],
    drill: drills.rows[0],
    hasBackup: snapshots > 0,
    proven: proofs.flatMap(({ proven }) => proven ?? [])[0],
  };
}

export function isDone(step: WelcomeStep, progress: WelcomeProgress): boolean {
  switch (step) {
    case 'host':
      return progress.host !== undefined;
    case 'source':
      return progress.source !== undefined;
    case 'repository':
      return progress.repository?.engineId !== undefined;
    case 'plan':
      return progress.plan !== undefined;
    case 'run':
      return progress.hasBackup;
    case 'proof':
      return progress.proven !== undefined;
  }
}

/** What a step cannot do without; undefined when it can be taken now. */
export function findMissing(step: WelcomeStep, progress: WelcomeProgress): WelcomeStep | undefined {
  const needs: Readonly<Record<WelcomeStep, readonly WelcomeStep[]>> = {
    host: [],
    source: ['host'],
    repository: ['host'],
    plan: ['host', 'source', 'repository'],
    run: ['plan'],
    proof: ['run'],
  };
  return needs[step].find((need) => !isDone(need, progress));
}
