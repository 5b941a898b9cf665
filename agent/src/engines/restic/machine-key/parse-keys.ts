/** What restic says of a repository's keys. Pure. */
import { z } from 'zod';

/** Beyond this many keys restic itself gives up trying them. */
const KEYS_READ = 100;

export function parseKeyIds(stdout: string): readonly string[] {
  const ids = stdout.split('\n').filter((line) => /^[0-9a-f]{64}$/.test(line));
  return ids.slice(0, KEYS_READ);
}

const keyListSchema = z.array(z.object({ current: z.boolean(), id: z.string().regex(/^[0-9a-f]{8,64}$/) })).max(KEYS_READ);

/** The first digits of the id of the key that the repository was opened by. */
export function findCurrentKey(list: unknown): string | undefined {
  const keys = keyListSchema.safeParse(list);
  return keys.success ? keys.data.find(({ current }) => current)?.id : undefined;
}
