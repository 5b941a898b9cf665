/** Dump files that lie on hosts. */
import type { Command } from 'commander';
import * as z from 'zod';
import { findThing } from './find.ts';
import { printJson, printLine, printTable, showBytes, showInstant } from './output.ts';
import { type CliParts, connect, wantsJson } from './parts.ts';

const entrySchema = z.looseObject({
  name: z.string(),
  type: z.string(),
  sizeBytes: z.number(),
  modifiedAt: z.number(),
  dump: z.looseObject({ engine: z.string(), format: z.string(), isGzip: z.boolean() }).optional(),
  refusal: z.string().optional(),
});
const listingSchema = z.looseObject({
  offered: z.array(z.string()),
  entries: z.array(entrySchema),
  next: z.number().optional(),
});

/** `postgres plain gzip`, or why it cannot be restored. */
function describeEntry({ type, dump, refusal }: z.infer<typeof entrySchema>): string {
  if (type !== 'file') return type === 'dir' ? 'directory' : 'never opened';
  return dump === undefined ? (refusal ?? '') : `${dump.engine} ${dump.format}${dump.isGzip ? ' gzip' : ''}`;
}

async function list(parts: CliParts, name: string, path: string | undefined, command: Command): Promise<void> {
  const client = await connect(parts, command);
  const address = `/hosts/${await findThing(client, 'host', name)}/dump-files`;
  if (path === undefined) {
    const { offered } = await client.get(listingSchema, address);
    if (wantsJson(command)) return printJson(parts.terminal, offered);
    for (const directory of offered) printLine(parts.terminal, directory);
    return;
  }
  const entries: z.infer<typeof entrySchema>[] = [];
  for (let after = 0; ; ) {
    const part = await client.get(listingSchema, address, { path, after });
    entries.push(...part.entries);
    if (part.next === undefined || part.next <= after) break;
    after = part.next;
  }
  if (wantsJson(command)) return printJson(parts.terminal, entries);
  printTable(
    parts.terminal,
    ['NAME', 'SIZE', 'CHANGED', 'WHAT'],
    entries.map((entry) => [
      entry.name,
      entry.type === 'file' ? showBytes(entry.sizeBytes) : '',
      showInstant(entry.modifiedAt),
      describeEntry(entry),
    ]),
  );
}

export function addDumpCommands(hosts: Command, parts: CliParts): void {
  hosts
    .command('dump-files')
    .description('list the dump files that a host offers for restores, with what each of them is')
    .argument('<host>', 'its name or id')
    .argument('[directory]', 'at or below one that the host offers; without it those are listed')
    .action((host: string, directory: string | undefined, _options: unknown, command: Command) =>
      list(parts, host, directory, command),
    );
}
