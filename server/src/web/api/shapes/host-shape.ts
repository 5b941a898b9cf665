/** What the API shows of a host. */
import { ailmentSchema, HOST_CONDITIONS } from '@holdfast/shared/domain/ailments.ts';
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { runLimitsSchema, SECRETS_MODES } from '@holdfast/shared/domain/plan.ts';
import { hostFactsSchema, toolReportSchema } from '@holdfast/shared/protocol/messages.ts';
import * as z from 'zod';
import { HOST_STANDINGS, type HostView, SKEW_LEVELS } from '../../../core/hosts/hosts.ts';
import { instantSchema, listOf, nameShape, tagsShape } from './shapes.ts';

export const secretsModeShape = z.enum(SECRETS_MODES).meta({
  description:
    '`kept`: sealed on the host, which backs up without this server. `just_in_time`: in its memory only; no backup runs while this server is away',
});

const drainShape = z.strictObject({
  since: instantSchema,
  until: instantSchema.meta({ description: 'It ends by itself then' }),
  by: z.string().meta({ description: 'Who ordered it' }),
});

export const hostShape = nameShape(
  'Host',
  z.strictObject({
    id: idSchema('host'),
    name: z.string(),
    standing: z.enum(HOST_STANDINGS).meta({ description: 'What the host is to a reader: connected or not, or taken out' }),
    condition: z.enum(HOST_CONDITIONS).meta({
      description:
        'Whether a host that is online is fit for its backups: `degraded` while something of it is broken that would cost or endanger one; `unknown` for every other standing, and until it was looked over',
    }),
    ailments: listOf(ailmentSchema).meta({ description: 'Why it is degraded, and what to do; empty for every other condition' }),
    tags: tagsShape,
    fingerprint: z.string(),
    facts: hostFactsSchema.optional(),
    tools: listOf(toolReportSchema),
    createdAt: instantSchema,
    lastSeenAt: instantSchema.optional(),
    skewMs: z.int().optional().meta({ description: 'Clock of the host minus clock of the server' }),
    skewLevel: z.enum(SKEW_LEVELS).optional().meta({ description: '`warn` beyond 5 seconds, `alert` beyond a minute' }),
    specVersion: z.int().meta({ description: 'Version of the desired state' }),
    acknowledgedSpecVersion: z.int().meta({ description: 'Version the host works by' }),
    drift: z.boolean(),
    concurrency: z.int().meta({ description: 'Runs at the same time' }),
    limits: runLimitsSchema.meta({ description: 'What each run may take at most, whatever its plan allows' }),
    drain: drainShape.optional().meta({ description: 'While the host takes no new runs' }),
    secretsMode: secretsModeShape,
  }),
);
export type HostShape = z.infer<typeof hostShape>;

export function toHostShape(host: HostView): HostShape {
  const {
    id,
    name,
    standing,
    condition,
    ailments = [],
    tags,
    fingerprint,
    facts,
    tools,
    createdAt,
    lastSeenAt,
    skewMs,
    drift,
    concurrency,
  } = host;
  const { specVersion, acknowledgedSpecVersion, skewLevel, secretsMode, drain, limits } = host;
  return {
    id,
    name,
    standing,
    condition,
    ailments: [...ailments],
    tags,
    fingerprint,
    facts,
    tools,
    createdAt,
    lastSeenAt,
    skewMs,
    skewLevel,
    specVersion,
    acknowledgedSpecVersion,
    drift,
    concurrency,
    limits,
    drain,
    secretsMode,
  };
}
