/** What an agent says of its machine. */
import * as z from 'zod';
import { restorePolicySchema } from '../domain/restore-policy.ts';
import { ENROLMENT, TEXT } from '../limits.ts';
import { dumpDirsSchema } from './dump-files.ts';
import { hostHooksSchema } from './host-hooks.ts';
import { restoreDirSchema } from './restore-dir.ts';

/** Facts about the machine; all of it hostile text. */
export const hostFactsSchema = z.object({
  hostname: z.string().max(ENROLMENT.hostnameChars),
  os: z.string().max(TEXT.nameChars),
  arch: z.string().max(32),
  kernel: z.string().max(TEXT.nameChars),
  cpus: z.int().min(0),
  memoryBytes: z.int().min(0),
  agentVersion: z.string().max(64),
  zone: z.string().max(64),
  bootedAt: z.int().min(0),
  /** Whether children die with the agent on this host; false is shown as a warning. */
  pdeathsig: z.boolean(),
  /** Requests it answers that older agents of the same protocol version do not know; see `capabilities.ts`. */
  capabilities: z.array(z.string().max(64)).max(32).optional(),
  /** Directories whose dump files may be restored. */
  dumpDirs: dumpDirsSchema.optional(),
  /** Which restores of a server it carries out; left out: all. */
  restores: restorePolicySchema.optional(),
  /** Below which restores are proposed to write: the agent may make directories there. */
  restoreDir: restoreDirSchema.optional(),
  /** Scripts that its plans may name. Agents of earlier versions do not tell of them. */
  hooks: hostHooksSchema.optional(),
});
export type HostFacts = z.infer<typeof hostFactsSchema>;
