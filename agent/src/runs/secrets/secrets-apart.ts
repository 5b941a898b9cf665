/** What hosts that keep no secrets write down, and what their runs wait for. */
import type { Clock } from '@holdfast/shared/clock.ts';
import type { PlanId } from '@holdfast/shared/domain/ids.ts';
import { DEFAULT_PLAN_OPTIONS, type Spec } from '@holdfast/shared/domain/plan.ts';
import type { AdapterDraft, RequestBody } from '@holdfast/shared/protocol/messages.ts';
import type { JournaledRun } from '../../journal/run-journal.ts';
import {
  type JournaledMaintenance,
  type JournaledSnapshots,
  journaledMaintenanceSchema,
  journaledRestoreSchema,
  journaledSnapshotsSchema,
} from '../journaled-run.ts';
import type { Hold } from '../queue/hold.ts';
import type { Job } from '../queue/queue.ts';
import type { Workbench } from '../workbench.ts';
import { stripRepository, toOrderedFromRef } from './maintenance-secrets.ts';
import type { SecretHolder, SecretName } from './secret-holder.ts';

type RestoreOrder = RequestBody<'restore.start'>;

/** The drafts of a restore are sealed for these references. */
export const toRestoreRefs = ({ run }: Pick<RestoreOrder, 'run'>) => ({
  repository: `${run}.repositories`,
  connection: `${run}.sources`,
  second: `${run}.second`,
  credential: `${run}.credential`,
});

/** The order without the secrets in it, which are held in memory until the restore has ended. Harmless to repeat. */
function stripOrder(holder: Pick<SecretHolder, 'holdFor'>, order: RestoreOrder): RestoreOrder {
  const refs = toRestoreRefs(order);
  const strip = ({ secrets, ...draft }: AdapterDraft, ref: string): AdapterDraft => {
    if (secrets === undefined) return draft;
    holder.holdFor(order.run, ref, secrets);
    return { ...draft, secretsApart: true };
  };
  return {
    ...order,
    repository: { ...order.repository, draft: strip(order.repository.draft, refs.repository) },
    ...(order.connection ? { connection: strip(order.connection, refs.connection) } : {}),
    ...(order.second
      ? { second: { ...order.second, repository: stripRepository(holder, order.run, order.second.repository, refs.second) } }
      : {}),
  };
}

/** The password of another user than the connection's own is for this restore alone, and in memory alone whatever the host keeps. */
function holdCredential(holder: Pick<SecretHolder, 'holdFor'>, { credential, ...order }: RestoreOrder): RestoreOrder {
  if (credential !== undefined) holder.holdFor(order.run, toRestoreRefs(order).credential, credential);
  return order;
}

/** The order as it may be written down on this host. Harmless to repeat. */
export function setSecretsAside(holder: Pick<SecretHolder, 'keepsNone' | 'holdFor'>, order: RestoreOrder): RestoreOrder {
  const bare = holdCredential(holder, order);
  return holder.keepsNone ? stripOrder(holder, bare) : bare;
}

/** Checks, prunes and unlockings are stripped as restores are. */
function stripMaintenance(holder: Pick<SecretHolder, 'holdFor'>, body: JournaledMaintenance): JournaledMaintenance {
  const repository = stripRepository(holder, body.order.run, body.order.repository);
  if (body.kind === 'check') return { ...body, order: { ...body.order, repository } };
  if (body.kind === 'unlock') return { ...body, order: { ...body.order, repository } };
  return { ...body, order: { ...body.order, repository } };
}

/** A copy that the host made by itself came with no secrets. */
function stripSnapshots(holder: Pick<SecretHolder, 'holdFor'>, body: JournaledSnapshots): JournaledSnapshots {
  if (!body.order) return body;
  const id = body.order.run;
  const repository = stripRepository(holder, id, body.order.repository);
  if (body.kind === 'verify') return { ...body, order: { ...body.order, repository } };
  if (body.kind === 'delete_snapshot') return { ...body, order: { ...body.order, repository } };
  if (body.kind === 'retention') return { ...body, order: { ...body.order, repository } };
  const from = stripRepository(holder, id, body.order.from, toOrderedFromRef(id));
  return { ...body, order: { ...body.order, from, repository } };
}

/** Takes every secret out of what the journal keeps of runs; for the transaction after which the host keeps none. */
export function stripJournal({ journal, secrets }: Pick<Workbench, 'journal' | 'secrets'>): void {
  for (const { run, body } of journal.runs.listOpen()) {
    const parsed = journaledRestoreSchema.safeParse(body);
    if (parsed.success) journal.runs.revise(run, { ...parsed.data, order: stripOrder(secrets, parsed.data.order) });
    const upkeep = journaledMaintenanceSchema.safeParse(body);
    if (upkeep.success) journal.runs.revise(run, stripMaintenance(secrets, upkeep.data));
  }
  // What has ended keeps its story; a body that cannot be read is worth less than what it may hold.
  for (const { run, body } of journal.runs.listOpen()) {
    const parsed = journaledSnapshotsSchema.safeParse(body);
    if (parsed.success) journal.runs.revise(run, stripSnapshots(secrets, parsed.data));
  }
  const noHolder = { holdFor: () => undefined };
  journal.runs.changeClosed('restore', (body) => {
    const parsed = journaledRestoreSchema.safeParse(body);
    return parsed.success ? { ...parsed.data, order: stripOrder(noHolder, parsed.data.order) } : null;
  });
  for (const kind of ['check', 'prune', 'unlock'] as const)
    journal.runs.changeClosed(kind, (body) => {
      const parsed = journaledMaintenanceSchema.safeParse(body);
      return parsed.success ? stripMaintenance(noHolder, parsed.data) : null;
    });
  for (const kind of ['verify', 'delete_snapshot', 'copy'] as const)
    journal.runs.changeClosed(kind, (body) => {
      const parsed = journaledSnapshotsSchema.safeParse(body);
      return parsed.success ? stripSnapshots(noHolder, parsed.data) : null;
    });
  journal.oweRewrite();
}

/** What these pieces of the spec need and nobody has brought yet. */
export function listMissing(
  spec: Spec | undefined,
  used: Pick<Job, 'repository' | 'sources'>,
  holder: Pick<SecretHolder, 'isHeld'>,
): readonly SecretName[] {
  if (!spec) return [];
  const sources = spec.sources.filter((source) => used.sources.includes(source.id));
  const repositories = spec.repositories.filter((repository) => repository.id === used.repository);
  const needed = [
    ...sources.filter((source) => source.secretsApart).map(({ id }): SecretName => ({ purpose: 'source', ref: id })),
    ...repositories.filter((one) => one.secretsApart).map(({ id }): SecretName => ({ purpose: 'repository', ref: id })),
  ];
  return needed.filter((name) => !holder.isHeld(name));
}

export interface SecretHoldPorts {
  clock: Pick<Clock, 'now'>;
  holder: Pick<SecretHolder, 'isHeld'>;
  spec(): Spec | undefined;
  findRun(run: Job['run']): Pick<JournaledRun, 'plan' | 'fireAt' | 'openedAt'> | undefined;
}

function findGraceMs(spec: Spec | undefined, plan: PlanId | undefined): number {
  const options = spec?.plans.find((candidate) => candidate.id === plan)?.options ?? DEFAULT_PLAN_OPTIONS;
  return options.graceMinutes * 60_000;
}

const WITH_ORDER: ReadonlySet<Job['kind']> = new Set(['restore', 'check', 'prune', 'unlock', 'verify', 'delete_snapshot']);

/**
 * Holds runs whose secrets are not here until the server brings them. One that has waited for its plan's grace is let go: it finds no
 * secrets, ends as failed, and makes room for the next.
 */
export function createSecretHold({ clock, holder, ...ports }: SecretHoldPorts): (job: Job) => Hold | undefined {
  return (job) => {
    const spec = ports.spec();
    // The secrets of these come with their order; a backup that only stands aside for another one needs none.
    if (WITH_ORDER.has(job.kind) || (job.kind === 'backup' && job.sources.length === 0)) return undefined;
    if (listMissing(spec, job, holder).length === 0) return undefined;
    const run = ports.findRun(job.run);
    const since = run && (run.fireAt ?? run.openedAt);
    if (since !== undefined && clock.now() - since >= findGraceMs(spec, run?.plan)) return undefined;
    return {
      reason: 'secrets',
      message: 'this host keeps no secrets and waits for the server to bring those of this plan',
    };
  };
}
