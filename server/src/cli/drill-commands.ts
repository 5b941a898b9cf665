/** How often drills of sources are due, said of many at once. */
import type { Command } from 'commander';
import { createUsageError } from './exit.ts';
import { findThing } from './find.ts';
import { outcomesSchema, tellOutcomes } from './outcomes.ts';
import { type CliParts, connect } from './parts.ts';

export function addDrillCommands(sources: Command, parts: CliParts): void {
  sources
    .command('schedule-drills')
    .description('say how often a drill of each of these sources is due; what is asked at it stays')
    .argument('<source...>', 'host/name, name or id')
    .requiredOption('--days <days>', 'between two drills; 0 for none by schedule')
    .action(async (names: string[], options: { days: string }, command: Command) => {
      if (!/^\d{1,4}$/.test(options.days)) throw createUsageError('--days takes a whole number of days');
      const client = await connect(parts, command);
      const ids: string[] = [];
      for (const name of names) ids.push(await findThing(client, 'source', name));
      const body = { ids, everyDays: Number(options.days) };
      const { outcomes } = await client.send(outcomesSchema, 'POST', '/sources/drill-schedules', { body });
      tellOutcomes(parts, command, 'SOURCE', outcomes);
    });
}
