/** What a host tells of the roles that a restore would make on a database server. Names are hostile text. */
import * as z from 'zod';
import { ROLE_CHOICES } from '../domain/restore.ts';
import { engineSnapshotIdSchema } from '../domain/snapshot.ts';
import { RESTORE_ROLES } from '../limits.ts';
import { repositoryDraftSchema, sourceDraftSchema } from './drafts.ts';

/** The snapshot of the roles, made by the run that made the data. */
export const storedGlobalsSchema = z.object({ engineId: engineSnapshotIdSchema, fileName: z.string().min(1).max(200) });
export type StoredGlobals = z.infer<typeof storedGlobalsSchema>;

const nameSchema = z.string().min(1).max(255);

export const restoreRolesSchema = {
  body: z.object({
    /** The secrets of the repository are sealed for `<ref>.repositories`, those of the connection for `<ref>.sources`. */
    ref: z.string().max(60),
    repository: repositoryDraftSchema,
    connection: sourceDraftSchema,
    /** The snapshot of the data. */
    engineId: engineSnapshotIdSchema,
    fileName: z.string().min(1).max(200),
    globals: storedGlobalsSchema,
    choice: z.enum(ROLE_CHOICES),
    notAfter: z.int().min(0),
  }),
  result: z.object({
    /** The restoring user, and whether it may make roles at all. */
    user: nameSchema,
    mayCreate: z.boolean(),
    /** Roles that would be made. */
    missing: z.array(z.object({ name: nameSchema, isPowerful: z.boolean() })).max(RESTORE_ROLES.listed),
    missingCount: z.int().min(0),
    /** Of these, how many the user may not make. */
    forbiddenCount: z.int().min(0),
    /** Stored roles that stand on the server: they stay as they are. */
    standingCount: z.int().min(0),
    /** Stored statements that nobody understands: they are left out. */
    unknown: z.int().min(0),
  }),
} as const;
export type RestoreRolesQuestion = z.infer<typeof restoreRolesSchema.body>;
export type RestoreRolesAnswer = z.infer<typeof restoreRolesSchema.result>;
