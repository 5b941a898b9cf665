/** Recorded words of real restic processes, for tests: `fixtures/<version>-<what was odd>.json`. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';

const recordingSchema = z.object({
  version: z.string(),
  exitCode: z.number().nullable(),
  signal: z.string().nullable(),
  stdout: z.string(),
  stderr: z.string(),
});
export type Recording = z.infer<typeof recordingSchema>;

const folder = join(import.meta.dirname, 'fixtures');

export const RECORDED_VERSIONS = ['0.14', '0.18'] as const;

export function readRecording(version: string, name: string): Recording {
  return recordingSchema.parse(JSON.parse(readFileSync(join(folder, `${version}-${name}.json`), 'utf8')));
}

/** Names without their version. */
export function listRecordings(version: string): string[] {
  return readdirSync(folder)
    .filter((file) => file.startsWith(`${version}-`))
    .map((file) => file.slice(version.length + 1, -'.json'.length));
}
