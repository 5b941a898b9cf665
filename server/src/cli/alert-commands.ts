/** What a person does about alerts, and what one of them holds for. */
import type { Command } from 'commander';
import { rowSchema } from './client.ts';
import { checkId } from './find.ts';
import { parseSpan } from './instant.ts';
import { outcomesSchema, tellOutcomes } from './outcomes.ts';
import { printJson, printTable, showInstant, showValue } from './output.ts';
import { type CliParts, connect, wantsJson } from './parts.ts';

type Wish = { act: 'acknowledge' | 'reopen' } | { act: 'snooze'; until: number };

/** Each is told apart; what cannot be done to one keeps no other from it. */
async function actOn(parts: CliParts, command: Command, ids: readonly string[], wish: Wish): Promise<void> {
  const body = { ...wish, ids: ids.map(checkId) };
  const client = await connect(parts, command);
  const { outcomes } = await client.send(outcomesSchema, 'POST', '/alerts/acts', { body });
  tellOutcomes(parts, command, 'ALERT', outcomes);
}

async function listMembers(parts: CliParts, id: string, command: Command): Promise<void> {
  const client = await connect(parts, command);
  const rows = await client.list(rowSchema, `/alerts/${checkId(id)}/members`);
  if (wantsJson(command)) return printJson(parts.terminal, rows);
  printTable(
    parts.terminal,
    ['NAME', 'SINCE', 'WHAT', 'ID'],
    rows.map((row) => [showValue(row['name']), showInstant(row['since']), showValue(row['detail']), showValue(row['scopeId'])]),
  );
}

export function addAlertCommands(alerts: Command, parts: CliParts): void {
  const add = (name: string, description: string) =>
    alerts.command(name).description(description).argument('<id...>', 'their ids');
  add('ack', 'say that you see to these alerts: they no longer ask for a person').action(
    (ids: string[], _options: unknown, command: Command) => actOn(parts, command, ids, { act: 'acknowledge' }),
  );
  add('snooze', 'put these alerts off: until then they ask for nobody and tell nobody')
    .requiredOption('--for <span>', 'how long from now, such as 90m, 8h or 7d; 30 days at most')
    .action((ids: string[], options: { for: string }, command: Command) =>
      actOn(parts, command, ids, { act: 'snooze', until: parts.clock.now() + parseSpan('for', options.for) }),
    );
  add('unsnooze', 'open these alerts again: snooze and acknowledgement are taken back').action(
    (ids: string[], _options: unknown, command: Command) => actOn(parts, command, ids, { act: 'reopen' }),
  );
  alerts
    .command('members')
    .description('list what an alert holds for now, the longest first')
    .argument('<id>', 'its id')
    .action((id: string, _options: unknown, command: Command) => listMembers(parts, id, command));
}
