/** Which of several installed major versions of PostgreSQL's clients fits a server. */
import type { FoundTool } from '../../command.ts';

/** The major version of `15.18`, `15.18 (Debian 15.18-0+deb12u1)` or `17beta1`; undefined for anything else. */
export function findPgMajor(version: string): number | undefined {
  const digits = /^(\d{1,3})(?=\D|$)/.exec(version)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/**
 * The client for a server: the same major where it is installed, otherwise the next newer one. An older client refuses a newer
 * server. A much newer one is avoided, because its archives and session settings are too new for the server's own tools.
 * `tools` may hold other programs; only those of `tool` count. Undefined when nothing fits.
 */
export function findPgTool(tools: readonly FoundTool[], tool: FoundTool['tool'], serverVersion: string): FoundTool | undefined {
  const server = findPgMajor(serverVersion);
  if (server === undefined) return undefined;
  let best: { major: number; found: FoundTool } | undefined;
  for (const found of tools) {
    const major = found.tool === tool ? findPgMajor(found.version) : undefined;
    if (major === undefined || major < server) continue;
    if (best === undefined || major < best.major) best = { major, found };
  }
  return best?.found;
}
