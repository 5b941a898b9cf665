/** End-points about what is done to a repository without being asked. */
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { checkScopeSchema } from '@holdfast/shared/domain/maintenance.ts';
import { DUTIES, routineSchema } from '@holdfast/shared/domain/routine.ts';
import * as z from 'zod';
import { type RepositoryRoutine, readRoutine, setRoutine } from '../../core/routine/routine.ts';
import { type ApiEndpoint, defineEndpoint } from '../http/route.ts';
import { idParams, instantSchema, listOf, nameShape } from './shapes/shapes.ts';

const dutyShape = nameShape(
  'RoutineDuty',
  z.strictObject({
    duty: z.enum(DUTIES),
    doneAt: instantSchema.optional().meta({ description: 'When it was done last, and went well' }),
    dueAt: instantSchema,
    nextAt: instantSchema
      .optional()
      .meta({ description: 'When it begins unless something comes between; missing when nobody knows' }),
    waitsFor: z
      .enum(['not_due', 'window', 'retry', 'refused', 'busy', 'backups', 'damaged', 'host', 'never'])
      .optional()
      .meta({ description: 'Why it does not begin now; missing when it does' }),
    trouble: z.string().optional().meta({ description: 'Which host it waits for, where it waits for one' }),
    overdueSince: instantSchema.optional(),
    scope: checkScopeSchema.optional().meta({ description: 'What the next check reads' }),
  }),
);

const routineShape = nameShape(
  'RepositoryRoutine',
  z.strictObject({
    settings: routineSchema,
    since: instantSchema,
    maintainer: z.strictObject({
      host: idSchema('host').optional().meta({ description: 'The host that maintains it' }),
      isChosen: z.boolean().meta({ description: 'A person chose it: no other host takes over' }),
      trouble: z.string().optional().meta({ description: 'Why nobody can now' }),
    }),
    duties: listOf(dutyShape),
  }),
);

function toRoutineShape({ stored, maintainer, duties }: RepositoryRoutine): z.infer<typeof routineShape> {
  const { lease, trouble } = maintainer;
  return {
    settings: stored.settings,
    since: stored.since,
    maintainer: {
      isChosen: lease.isFixed,
      ...(lease.host === undefined ? {} : { host: lease.host }),
      ...(trouble === undefined ? {} : { trouble }),
    },
    duties: duties.map(({ duty, dueAt, doneAt, nextAt, wait, overdueSince, scope }) => ({
      duty,
      dueAt,
      ...(doneAt === undefined ? {} : { doneAt }),
      ...(nextAt === undefined ? {} : { nextAt }),
      ...(wait === undefined ? {} : { waitsFor: wait.kind }),
      ...(wait?.kind === 'host' ? { trouble: wait.trouble } : {}),
      ...(overdueSince === undefined ? {} : { overdueSince }),
      ...(scope === undefined ? {} : { scope }),
    })),
  };
}

const answerShape = z.strictObject({
  routine: routineShape
    .optional()
    .meta({ description: 'Missing for a repository without automatic maintenance, or one that no host has opened yet' }),
});

async function answer(...asked: Parameters<typeof readRoutine>): Promise<{ data: z.infer<typeof answerShape> }> {
  const routine = await readRoutine(...asked);
  return { data: routine === undefined ? {} : { routine: toRoutineShape(routine) } };
}

const getEndpoint = defineEndpoint({
  method: 'get',
  path: '/repositories/:id/routine',
  scope: 'read',
  summary: 'What is done to a repository without being asked, by which host, what is due, and what comes next.',
  tag: 'repositories',
  params: idParams('repository'),
  reply: answerShape,
  handle: (context, caller, { params }) => answer(context, caller, params.id),
});

const setEndpoint = defineEndpoint({
  method: 'post',
  path: '/repositories/:id/routine',
  scope: 'configure',
  summary: 'Sets it, whole: what is left out is as a new repository has it. Days of 0 leave something to people.',
  tag: 'repositories',
  params: idParams('repository'),
  body: z.strictObject({
    settings: routineSchema.prefault({}),
    maintainer: idSchema('host').optional().meta({ description: 'Only this host; whoever can unless given' }),
  }),
  reply: answerShape,
  async handle(context, caller, { params, body }) {
    await setRoutine(context, caller, params.id, { kind: 'routine', routine: body.settings, maintainer: body.maintainer });
    return answer(context, caller, params.id);
  },
});

const removeEndpoint = defineEndpoint({
  method: 'delete',
  path: '/repositories/:id/routine',
  scope: 'configure',
  summary: 'Turns automatic maintenance off.',
  tag: 'repositories',
  params: idParams('repository'),
  reply: answerShape,
  async handle(context, caller, { params }) {
    await setRoutine(context, caller, params.id, { kind: 'by_hand' });
    return answer(context, caller, params.id);
  },
});

export const ROUTINE_ENDPOINTS: readonly ApiEndpoint[] = [getEndpoint, setEndpoint, removeEndpoint];
