/** A time in numbers. */
import type { Command } from 'commander';
import * as z from 'zod';
import { createUsageError } from './exit.ts';
import { readNames } from './find.ts';
import { parseInstant } from './instant.ts';
import { printJson, printLine, printTable, showBytes, showInstant } from './output.ts';
import { type CliParts, connect, wantsJson } from './parts.ts';

const statisticsSchema = z.looseObject({
  from: z.number(),
  to: z.number(),
  runs: z.array(z.looseObject({ kind: z.string(), state: z.string(), count: z.number() })),
  success: z.array(z.looseObject({ kind: z.string(), ended: z.number(), succeeded: z.number(), rate: z.number().optional() })),
  moved: z.looseObject({
    readBytes: z.number(),
    addedBytes: z.number(),
    snapshots: z.number(),
    repositories: z.number(),
    most: z.array(
      z.looseObject({ repository: z.string(), name: z.string().optional(), snapshots: z.number(), addedBytes: z.number() }),
    ),
  }),
  slowest: z.array(
    z.looseObject({ run: z.string(), host: z.string(), createdAt: z.number(), durationMs: z.number(), bytes: z.number() }),
  ),
  sourceKinds: z.array(z.looseObject({ kind: z.string(), sources: z.number(), backedUp: z.number(), sizeBytes: z.number() })),
  stale: z.looseObject({
    total: z.number(),
    sources: z.array(
      z.looseObject({ id: z.string(), name: z.string(), kind: z.string(), host: z.string(), lastGoodAt: z.number().optional() }),
    ),
  }),
});
type Statistics = z.infer<typeof statisticsSchema>;

/** Down to a tenth, never up: 100 % is all of them. */
const showRate = (rate: number | undefined): string => (rate === undefined ? '' : `${Math.floor(rate * 1000) / 10} %`);

function printStatistics({ terminal }: CliParts, statistics: Statistics, hosts: ReadonlyMap<string, string>): void {
  const { from, to, success, moved, slowest, sourceKinds, stale } = statistics;
  const nameHost = (id: string): string => hosts.get(id) ?? id;
  printLine(terminal, `${showInstant(from)} to ${showInstant(to)}`);
  printLine(terminal, '');
  printTable(
    terminal,
    ['RUNS', 'ENDED', 'SUCCEEDED', 'RATE'],
    success.map((one) => [one.kind, String(one.ended), String(one.succeeded), showRate(one.rate)]),
  );
  printLine(terminal, '');
  printLine(terminal, `read from sources: ${showBytes(moved.readBytes)}`);
  const into = `${moved.repositories} ${moved.repositories === 1 ? 'repository' : 'repositories'}`;
  printLine(
    terminal,
    `added to ${into}: ${showBytes(moved.addedBytes)} by ${moved.snapshots} snapshot${moved.snapshots === 1 ? '' : 's'}`,
  );
  if (moved.most.length > 0)
    printTable(
      terminal,
      ['GREW MOST', 'SNAPSHOTS', 'ADDED'],
      moved.most.map((one) => [one.name ?? one.repository, String(one.snapshots), showBytes(one.addedBytes)]),
    );
  printLine(terminal, '');
  printTable(
    terminal,
    ['SLOWEST', 'HOST', 'CREATED', 'SECONDS', 'SIZE'],
    slowest.map((one) => [
      ...[one.run, nameHost(one.host), showInstant(one.createdAt)],
      ...[(one.durationMs / 1000).toFixed(1), showBytes(one.bytes)],
    ]),
  );
  printLine(terminal, '');
  printTable(
    terminal,
    ['KIND', 'SOURCES', 'BACKED UP', 'SIZE'],
    sourceKinds.map((one) => [one.kind, String(one.sources), String(one.backedUp), showBytes(one.sizeBytes)]),
  );
  printLine(terminal, '');
  printLine(terminal, `without a clean backup of the last 24 hours: ${stale.total}`);
  if (stale.sources.length > 0)
    printTable(
      terminal,
      ['SOURCE', 'KIND', 'HOST', 'LAST GOOD'],
      stale.sources.map((one) => [one.name, one.kind, nameHost(one.host), showInstant(one.lastGoodAt)]),
    );
}

async function showStatistics(parts: CliParts, command: Command): Promise<void> {
  const { since, until, limit } = command.opts<{ since?: string; until?: string; limit?: string }>();
  if (limit !== undefined && !/^[1-9]\d{0,2}$/.test(limit)) throw createUsageError('--limit takes a whole number from 1 to 100');
  const now = parts.clock.now();
  const query = {
    ...(since === undefined ? {} : { from: String(parseInstant('since', since, now)) }),
    ...(until === undefined ? {} : { to: String(parseInstant('until', until, now)) }),
    ...(limit === undefined ? {} : { limit }),
  };
  const client = await connect(parts, command);
  const statistics = await client.get(statisticsSchema, '/statistics', query);
  if (wantsJson(command)) return printJson(parts.terminal, statistics);
  const ids = [...new Set([...statistics.slowest, ...statistics.stale.sources].map(({ host }) => host))];
  printStatistics(parts, statistics, await readNames(client, 'host', ids));
}

export function addStatisticsCommand(program: Command, parts: CliParts): void {
  program
    .command('stats')
    .description(
      'a time in numbers: success, bytes read and added, the slowest runs, sizes by kind of source, what has no fresh backup',
    )
    .option('--since <since>', 'only from then on: 24h, 7d, or a date; 30 days where left out')
    .option('--until <until>', 'only before then: 24h, 7d, or a date')
    .option('--limit <rows>', 'slowest runs, repositories and stale sources that are named, at most')
    .action((_options: unknown, command: Command) => showStatistics(parts, command));
}
