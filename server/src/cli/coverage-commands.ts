/** What is done with what hosts found: sources are made of it, or it is left alone for a reason. */
import type { Command } from 'commander';
import { checkId } from './find.ts';
import { outcomesSchema, tellOutcomes } from './outcomes.ts';
import { type CliParts, connect } from './parts.ts';

/** Names of what was found are unique on one server of one host at most, so it goes by its ids. */
async function act(parts: CliParts, command: Command, ids: readonly string[], body: object): Promise<void> {
  const client = await connect(parts, command);
  const asked = { body: { ...body, ids: ids.map(checkId) } };
  const { outcomes } = await client.send(outcomesSchema, 'POST', '/coverage/acts', asked);
  tellOutcomes(parts, command, 'FOUND', outcomes);
}

export function addCoverageCommands(coverage: Command, parts: CliParts): void {
  coverage
    .command('protect')
    .description(
      'make sources of these, with the connection each was found through; a plan is still to be made for them, unless they go into one that is there',
    )
    .argument('<id...>', 'as coverage list has them')
    .option('--in-plans', 'each in the plan of the source it was found through, or of the other directories of its host')
    .action((ids: string[], { inPlans }: { inPlans?: true }, command: Command) =>
      act(parts, command, ids, { act: inPlans === true ? 'add_to_plans' : 'protect' }),
    );
  coverage
    .command('ignore')
    .description('leave these alone: they are no longer counted')
    .argument('<id...>', 'as coverage list has them')
    .requiredOption('--why <why>', 'the reason, kept with your name')
    .action((ids: string[], { why }: { why: string }, command: Command) => act(parts, command, ids, { act: 'ignore', why }));
  coverage
    .command('watch')
    .description('count these again')
    .argument('<id...>', 'as coverage list has them')
    .action((ids: string[], _options: unknown, command: Command) => act(parts, command, ids, { act: 'watch' }));
}
