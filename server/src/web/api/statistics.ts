/** The end-point of a time in numbers. */
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { RUN_KINDS, RUN_STATES } from '@holdfast/shared/domain/run.ts';
import { DAY_MS } from '@holdfast/shared/durations.ts';
import * as z from 'zod';
import { createFieldsError } from '../../core/adapters/adapter-input.ts';
import { compileStatistics } from '../../core/fleet/statistics.ts';
import { defineEndpoint } from '../http/route.ts';
import { instantSchema, listOf, nameShape } from './shapes/shapes.ts';

/** Days one answer tells of unasked, and the most of them; rows it names of each kind. */
const SPAN = { days: 30, daysMax: 366, named: 10, namedMax: 100 } as const;

const countSchema = z.int().min(0);
const instantInput = z.coerce.number().int().min(0);
const dayInstant = instantSchema.meta({ description: 'The beginning of the UTC day' });
const runCount = { kind: z.enum(RUN_KINDS), state: z.enum(RUN_STATES), count: countSchema };

const statisticsShape = nameShape(
  'Statistics',
  z.strictObject({
    from: instantSchema,
    to: instantSchema,
    runs: listOf(z.strictObject(runCount)).meta({ description: 'Created within the time' }),
    moved: z.strictObject({
      readBytes: countSchema.meta({ description: 'From sources, by backups created within the time' }),
      addedBytes: countSchema.meta({
        description: 'To repositories, by snapshots made within the time; all that one holds where its engine does not tell',
      }),
      snapshots: countSchema.meta({ description: 'That added it, copies with them' }),
      repositories: countSchema.meta({ description: 'That anything was added to' }),
      most: listOf(
        z.strictObject({
          repository: idSchema('repository'),
          name: z.string().optional().meta({ description: 'None once the repository is deleted' }),
          snapshots: countSchema,
          addedBytes: countSchema,
        }),
      ).meta({ description: 'Of these repositories, those that grew most' }),
    }),
    success: listOf(
      z.strictObject({
        kind: z.enum(RUN_KINDS),
        ended: countSchema.meta({ description: 'As succeeded, partial or failed: what was called off or skipped is neither' }),
        succeeded: countSchema,
        rate: z
          .number()
          .min(0)
          .max(1)
          .optional()
          .meta({ description: '`succeeded` of `ended`, 0 to 1; none while none has ended' }),
      }),
    ),
    days: listOf(
      z.strictObject({ at: dayInstant, ...runCount, bytes: countSchema.meta({ description: 'What they read, all together' }) }),
    ).meta({ description: 'The same for each whole day that the time touches' }),
    addedDays: listOf(z.strictObject({ at: dayInstant, snapshots: countSchema, addedBytes: countSchema })).meta({
      description: 'What was added to repositories on each of these days; those without are left out',
    }),
    slowest: listOf(
      z.strictObject({
        run: idSchema('run'),
        state: z.enum(RUN_STATES),
        host: idSchema('host'),
        plan: idSchema('plan').optional(),
        repository: idSchema('repository'),
        createdAt: instantSchema,
        durationMs: countSchema,
        bytes: countSchema.meta({ description: 'Read from its sources' }),
      }),
    ).meta({ description: 'Backups created within the time, those that took longest first' }),
    sourceKinds: listOf(
      z.strictObject({
        kind: z.string(),
        sources: countSchema,
        backedUp: countSchema.meta({ description: 'Of these, those with a clean backup' }),
        sizeBytes: countSchema.meta({ description: 'What the newest clean backup of each holds' }),
      }),
    ).meta({ description: 'As they stand now' }),
    stale: z
      .strictObject({
        total: countSchema,
        sources: listOf(
          z.strictObject({
            id: idSchema('source'),
            name: z.string(),
            kind: z.string(),
            host: idSchema('host'),
            lastGoodAt: instantSchema.optional().meta({ description: 'Of the newest clean backup' }),
          }),
        ),
      })
      .meta({
        description:
          'Switched on, and now without a clean backup of the last 24 hours; those that never had one first, then the oldest',
      }),
  }),
);

export const STATISTICS_ENDPOINT = defineEndpoint({
  method: 'get',
  path: '/statistics',
  scope: 'read',
  summary:
    'A time in numbers: runs by kind and end, success, bytes read and added, day by day, the slowest; and what is protected now.',
  tag: 'fleet',
  query: z.strictObject({
    from: instantInput.optional().meta({ description: 'Epoch milliseconds; 30 days before `to` where left out' }),
    to: instantInput.optional().meta({ description: 'Not told of any more, at most 366 days after `from`; now where left out' }),
    limit: z.coerce
      .number()
      .int()
      .min(1)
      .max(SPAN.namedMax)
      .default(SPAN.named)
      .meta({ description: 'Slowest runs, repositories and stale sources that are named, at most' }),
  }),
  reply: statisticsShape,
  async handle(context, caller, { query }) {
    const { to = context.clock.now(), limit } = query;
    const { from = Math.max(0, to - SPAN.days * DAY_MS) } = query;
    if (from >= to || to - from > SPAN.daysMax * DAY_MS)
      throw createFieldsError({ to: 'must be after `from`, by 366 days at most' });
    const { days, addedDays, slowest, ...told } = await compileStatistics(context, caller, { from, to, limit });
    return {
      data: {
        ...{ from, to, ...told },
        days: days.map(({ day, ...count }) => ({ at: day * DAY_MS, ...count })),
        addedDays: addedDays.map(({ day, ...added }) => ({ at: day * DAY_MS, ...added })),
        slowest: slowest.map(({ id, state, host, plan, repository, createdAt, durationMs = 0, bytes }) => ({
          ...{ run: id, state, host, plan, repository, createdAt, durationMs, bytes },
        })),
      },
    };
  },
});
