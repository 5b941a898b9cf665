/** A source as the API shows it: what is kept of it, and beside that whether it is protected. */
import { findSourceAdapter } from '@holdfast/shared/adapters/all.ts';
import { idSchema, type PlanId } from '@holdfast/shared/domain/ids.ts';
import { TERMINAL_STATES } from '@holdfast/shared/domain/run.ts';
import { DAY_MS, MINUTE_MS } from '@holdfast/shared/durations.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import * as z from 'zod';
import type { Caller } from '../../../core/caller.ts';
import type { CoreContext } from '../../../core/ports.ts';
import type { Objective } from '../../../core/protection/objectives.ts';
import type { ProtectedSource } from '../../../core/protection/protected-sources.ts';
import { PROTECTION_STATUSES } from '../../../core/protection/protection.ts';
import type { Source } from '../../../store/sources.ts';
import type { SourceStanding } from '../../../store/standings.ts';
import { configShape, instantSchema, nameShape, secretsShape, toSecretsView, versionSchema } from './shapes.ts';

export const sourceShape = nameShape(
  'Source',
  z.strictObject({
    id: idSchema('source'),
    host: idSchema('host'),
    name: z.string(),
    kind: z.string(),
    description: z.string().meta({ description: 'What it protects, in one line' }),
    config: configShape,
    secrets: secretsShape,
    enabled: z.boolean(),
    version: versionSchema,
    createdAt: instantSchema,
    updatedAt: instantSchema,
  }),
);

/** Its newest good backup and its newest attempt. */
const standingShape = z.strictObject({
  lastGoodAt: instantSchema.optional(),
  lastGoodSnapshot: idSchema('snapshot').optional(),
  lastGoodBytes: z.int().min(0).optional(),
  lastState: z.enum(TERMINAL_STATES).optional(),
  lastRun: idSchema('run').optional(),
  lastAt: instantSchema.optional(),
});

export const statusSchema = z.enum(PROTECTION_STATUSES).meta({
  description:
    '`protected` alone means a clean backup that is recent enough, on a host that is heard of; `unknown` that the host is silent, `paused` that somebody switched the source or its plan off',
});

const originShape = nameShape(
  'ObjectiveOrigin',
  z
    .strictObject({
      from: z.enum(['source', 'plan', 'tag', 'fleet']),
      plan: idSchema('plan').optional(),
      tag: z.string().optional(),
    })
    .meta({ description: 'Who says so: the source itself, one of its plans, a tag of its host, or the objective of the fleet' }),
);

const objectivesShape = z
  .strictObject({
    backup: z
      .strictObject({ minutes: z.int().min(1), origin: originShape })
      .optional()
      .meta({ description: 'How old its newest clean backup may be; missing where the schedules of its plans alone say it' }),
    proof: z
      .strictObject({ days: z.int().min(1), origin: originShape })
      .optional()
      .meta({ description: 'How old the newest proof of recovery may be; missing where none is asked for' }),
  })
  .meta({ description: 'What it is measured by, and why' });

export const sourceDetailShape = nameShape(
  'SourceDetail',
  sourceShape.extend({
    standing: standingShape.meta({ description: 'Its newest good backup and its newest attempt; empty before the first' }),
    protection: z
      .strictObject({ status: statusSchema, reason: z.string() })
      .meta({ description: 'Whether it is protected as of now, and why: the very word and sentence of the pages' }),
    objectives: objectivesShape,
  }),
);
export type SourceDetail = z.infer<typeof sourceDetailShape>;

export function toSourceShape(source: Source): z.infer<typeof sourceShape> {
  const { id, host, name, kind, config, secrets, enabled, version, createdAt, updatedAt } = source;
  const description = findSourceAdapter(kind)?.describe(config) ?? '';
  return { id, host, name, kind, description, config, secrets: toSecretsView(secrets), enabled, version, createdAt, updatedAt };
}

function toStandingShape(standing: SourceStanding | undefined): z.infer<typeof standingShape> {
  if (standing === undefined) return {};
  const { lastGoodAt, lastGoodSnapshot, lastGoodBytes, lastState, lastRun, lastAt } = standing;
  return { lastGoodAt, lastGoodSnapshot, lastGoodBytes, lastState, lastRun, lastAt };
}

function toOriginShape({ origin }: Objective): { from: Objective['origin']['from']; plan?: PlanId; tag?: string } {
  if (origin.from === 'plan') return { from: origin.from, plan: origin.plan };
  return origin.from === 'tag' ? { from: origin.from, tag: origin.tag } : { from: origin.from };
}

export function toSourceDetail(
  source: Source,
  { standing, protection, objectives }: Pick<ProtectedSource, 'standing' | 'protection' | 'objectives'>,
): SourceDetail {
  const { backup, proof } = objectives;
  return {
    ...toSourceShape(source),
    standing: toStandingShape(standing),
    protection: { status: protection.status, reason: protection.reason },
    objectives: {
      ...(backup && { backup: { minutes: backup.ms / MINUTE_MS, origin: toOriginShape(backup) } }),
      ...(proof && { proof: { days: proof.ms / DAY_MS, origin: toOriginShape(proof) } }),
    },
  };
}

/** Each with what it is judged as at this instant; one that went meanwhile is left out. */
export async function listSourceDetails(
  { fleet }: Pick<CoreContext, 'fleet'>,
  { tenant }: Caller,
  sources: readonly Source[],
): Promise<readonly SourceDetail[]> {
  const judged = await fleet.judge(
    tenant,
    sources.map(({ id }) => id),
  );
  const judgements = new Map(judged.map((one) => [one.source.id, one]));
  return sources.flatMap((source) => {
    const found = judgements.get(source.id);
    if (found === undefined) return [];
    const { standing, objectives } = found.source;
    return [toSourceDetail(source, { standing, objectives, protection: found.protection })];
  });
}

export async function getSourceDetail(
  context: Pick<CoreContext, 'fleet'>,
  caller: Caller,
  source: Source,
): Promise<SourceDetail> {
  const [detail] = await listSourceDetails(context, caller, [source]);
  if (detail === undefined) throw new AppError('not_found', 'there is no such source');
  return detail;
}
