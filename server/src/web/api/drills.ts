/** End-points about drills: proofs of recovery, what is asked at each, and one now. */
import { DRILL_VERDICTS, drillAssertionSchema, PROOF_STATES } from '@holdfast/shared/domain/drill.ts';
import { idSchema, type SourceId } from '@holdfast/shared/domain/ids.ts';
import { PROOF_ORDERS } from '@holdfast/shared/domain/list-orders.ts';
import { DRILL_RUNS_MAX, planDrillsSchema } from '@holdfast/shared/domain/plan-drills.ts';
import { DRILL } from '@holdfast/shared/limits.ts';
import * as z from 'zod';
import { DRILL_DAYS_MAX, getDrillSettings, saveDrillSettings } from '../../core/drills/drill-settings.ts';
import { listDrills, listProofs, startDrill } from '../../core/drills/drills.ts';
import { listProofStandings } from '../../core/drills/proof-list.ts';
import { getSnapshotRecord } from '../../core/snapshots/snapshots.ts';
import type { Drill, DrillSettings } from '../../store/drills.ts';
import { type ApiEndpoint, defineEndpoint } from '../http/route.ts';
import { runShape, toRunShape } from './runs.ts';
import {
  idParams,
  instantSchema,
  listOf,
  nameShape,
  pageFields,
  searchInput,
  sortFields,
  toPageReply,
  toPageRequest,
  toSortedRequest,
} from './shapes/shapes.ts';

const drillShape = nameShape(
  'Drill',
  z.strictObject({
    run: idSchema('run'),
    source: idSchema('source'),
    host: idSchema('host'),
    snapshot: idSchema('snapshot'),
    isProven: z.boolean().meta({ description: 'Whether what came back is what was expected' }),
    endedAt: instantSchema,
    restoreMs: z.int().min(0).meta({ description: 'How long the restore took: the measured recovery time' }),
    snapshotAgeMs: z.int().min(0).meta({ description: 'How old the snapshot was: the measured recovery point' }),
    rows: z.int().min(0).optional().meta({ description: 'Rows of all tables; left out for files' }),
    things: z.int().min(0).meta({ description: 'Tables of a database, files of a sample' }),
  }),
);

const settingsShape = nameShape(
  'DrillSettings',
  z.strictObject({
    source: idSchema('source'),
    assertions: listOf(drillAssertionSchema),
    everyDays: z.int().min(1).optional(),
    withinDays: z.int().min(1).optional(),
    everyRuns: z.int().min(1).optional(),
    host: idSchema('host').optional().meta({ description: 'Where drills take place; left out: on the host of the source' }),
    server: idSchema('source')
      .optional()
      .meta({ description: 'Through whose server drills restore; left out: into one of their own' }),
    followed: z
      .strictObject({ plan: idSchema('plan'), drills: planDrillsSchema })
      .optional()
      .meta({ description: 'The plan whose rhythm they follow, because the source has neither days nor backups of its own' }),
    nextAt: instantSchema.optional().meta({ description: 'When the next one is due' }),
    missed: z
      .strictObject({ since: instantSchema, why: z.string() })
      .optional()
      .meta({ description: 'One is due since then and could not be started; it is tried again each hour' }),
    updatedAt: instantSchema,
  }),
);

const toDrillShape = (drill: Drill): z.infer<typeof drillShape> => drill;
const toSettingsShape = (settings: DrillSettings): z.infer<typeof settingsShape> => settings;

const days = (what: string) => z.int().min(1).max(DRILL_DAYS_MAX).optional().meta({ description: what });

const listEndpoint = defineEndpoint({
  method: 'get',
  path: '/drills',
  scope: 'read',
  summary: 'Lists drills that came to a verdict, newest first; those that could not be carried out are among the runs.',
  tag: 'drills',
  query: z.strictObject({
    ...pageFields,
    state: z.enum(DRILL_VERDICTS).optional(),
    source: idSchema('source').optional(),
    host: idSchema('host').optional().meta({ description: 'Where it took place' }),
    plan: idSchema('plan').optional().meta({ description: 'That made the snapshot' }),
    repository: idSchema('repository').optional().meta({ description: 'That the snapshot lies in' }),
    since: z.coerce.number().int().min(0).optional().meta({ description: 'Ended at or after; epoch milliseconds' }),
    until: z.coerce.number().int().min(0).optional().meta({ description: 'Ended before; epoch milliseconds' }),
  }),
  reply: listOf(drillShape),
  async handle(context, caller, { query }) {
    const { state, source, host, plan, repository, since, until } = query;
    const isProven = state === undefined ? undefined : state === 'proven';
    const filter = { isProven, source, host, plan, repository, since, until };
    return toPageReply(await listDrills(context, caller, filter, toPageRequest(query)), toDrillShape);
  },
});

const startEndpoint = defineEndpoint({
  method: 'post',
  path: '/drills',
  scope: 'restore',
  summary: 'Restores a snapshot of a source into something that is thrown away and judges what came back.',
  tag: 'drills',
  body: z.strictObject({
    source: idSchema('source'),
    snapshot: idSchema('snapshot').optional().meta({ description: 'The newest good one unless given' }),
    host: idSchema('host')
      .optional()
      .meta({ description: 'Where; the host of the settings unless given, else that of the source' }),
    server: idSchema('source').optional().meta({
      description:
        'A source of that host through whose server it is restored, into a database of the drill alone; what the settings say unless given',
    }),
  }),
  reply: runShape,
  status: 202,
  handle: async (context, caller, { body }) => ({ data: toRunShape(await startDrill(context, caller, body)) }),
});

const proofShape = nameShape(
  'Proof',
  z.strictObject({
    source: idSchema('source'),
    proven: drillShape.optional().meta({ description: 'The newest drill that proved a snapshot' }),
    newest: drillShape.optional().meta({ description: 'The newest drill of all with a verdict' }),
  }),
);

const proofEndpoint = defineEndpoint({
  method: 'get',
  path: '/sources/:id/proof',
  scope: 'read',
  summary: 'The newest proof that a source can be recovered.',
  tag: 'drills',
  params: idParams('source'),
  reply: proofShape,
  async handle(context, caller, { params }) {
    await getDrillSettings(context, caller, params.id);
    const id: SourceId = params.id;
    const [proof] = await listProofs(context, caller, [id]);
    return { data: proof ?? { source: id } };
  },
});

const standingShape = nameShape(
  'ProofStanding',
  z.strictObject({
    source: idSchema('source'),
    name: z.string(),
    kind: z.string(),
    host: idSchema('host'),
    state: z.enum(PROOF_STATES).meta({
      description:
        '`disproven`: the newest drill failed; `too_old`: older than it may be; `never`: none has proven it yet; `impossible`: its kind cannot be tried out',
    }),
    withinDays: z.number().min(0).optional().meta({ description: 'A proof older than this is too old; none: none is' }),
    proven: drillShape.optional().meta({ description: 'The newest drill that proved a snapshot' }),
    newest: drillShape.optional().meta({ description: 'The newest drill of all with a verdict' }),
  }),
);

const standingsEndpoint = defineEndpoint({
  method: 'get',
  path: '/proofs',
  scope: 'read',
  summary: 'Lists how sources stand with their proofs of recovery, by name unless another order is asked for.',
  tag: 'drills',
  query: z.strictObject({
    ...pageFields,
    search: searchInput.optional().meta({ description: 'Part of the name of the source or of its host' }),
    state: z.enum(PROOF_STATES).optional(),
    host: idSchema('host').optional(),
    ...sortFields(PROOF_ORDERS, 'they go by name'),
  }),
  reply: listOf(standingShape),
  async handle(context, caller, { query }) {
    const { search, state, host } = query;
    const { rows, next } = await listProofStandings(context, caller, { search, state, host }, toSortedRequest(query));
    return toPageReply({ rows, next }, (row): z.infer<typeof standingShape> => row);
  },
});

const recordShape = nameShape(
  'SnapshotRecord',
  z.strictObject({
    contents: z
      .strictObject({
        tableCount: z.int().min(0).meta({ description: 'Tables and views; those beyond the limits are in the digest alone' }),
        digest: z.string().meta({ description: 'Of the names and structures of all of them' }),
        tables: listOf(
          z.strictObject({
            name: z.string(),
            shape: z.string().meta({ description: 'A digest of its structure' }),
            rows: z.int().min(0).optional(),
            isExact: z.boolean().meta({ description: 'Counted in the state that was dumped; otherwise estimated' }),
          }),
        ),
      })
      .optional()
      .meta({ description: 'What the database held' }),
    canaries: listOf(z.strictObject({ path: z.string(), sizeBytes: z.int().min(0), sha256: z.string() }))
      .optional()
      .meta({ description: 'Files that an operator named, as they were' }),
  }),
);

const recordEndpoint = defineEndpoint({
  method: 'get',
  path: '/snapshots/:id/record',
  scope: 'read',
  summary: 'What was noted as a snapshot was made, which drills compare with; empty where nothing was.',
  tag: 'drills',
  params: idParams('snapshot'),
  reply: recordShape,
  handle: async (context, caller, { params }) => ({ data: await getSnapshotRecord(context, caller, params.id) }),
});

const settings = { path: '/sources/:id/drills', tag: 'drills', params: idParams('source'), reply: settingsShape };

const getSettingsEndpoint = defineEndpoint({
  ...settings,
  method: 'get',
  scope: 'read',
  summary: 'What is asked at every drill of a source, and how often one is due.',
  handle: async (context, caller, { params }) => ({ data: toSettingsShape(await getDrillSettings(context, caller, params.id)) }),
});

const putSettingsEndpoint = defineEndpoint({
  ...settings,
  method: 'post',
  scope: 'configure',
  summary: 'Replaces what is asked at every drill of a source, and how often one is due.',
  body: z.strictObject({
    assertions: z
      .array(z.strictObject(drillAssertionSchema.shape))
      .max(DRILL.assertions)
      .default([])
      .meta({ description: 'SQL that gives one value, run read-only in the throw-away database' }),
    everyDays: days('A drill is due this often; with this and `everyRuns` left out: as its plans say, or only by hand'),
    withinDays: days('A proof older than this puts the source at risk; left out: none does'),
    everyRuns: z
      .int()
      .min(1)
      .max(DRILL_RUNS_MAX)
      .optional()
      .meta({ description: 'A drill is due after so many clean backups; left out: backups bring none about' }),
    host: idSchema('host').optional().meta({ description: 'Another host that carries drills out; it must reach the repository' }),
    server: idSchema('source')
      .optional()
      .meta({ description: 'A source of that host through whose server drills restore, into a database of their own' }),
  }),
  handle: async (context, caller, { params, body }) => ({
    data: toSettingsShape(await saveDrillSettings(context, caller, params.id, body)),
  }),
});

export const DRILL_ENDPOINTS: readonly ApiEndpoint[] = [
  listEndpoint,
  startEndpoint,
  standingsEndpoint,
  proofEndpoint,
  recordEndpoint,
  getSettingsEndpoint,
  putSettingsEndpoint,
];
