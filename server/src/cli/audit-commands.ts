/** Whether the audit is still what was written. */
import type { Command } from 'commander';
import * as z from 'zod';
import { EXIT } from './exit.ts';
import { printJson, printLine } from './output.ts';
import { type CliParts, connect, settle, wantsJson } from './parts.ts';

const verdictSchema = z.looseObject({ whole: z.boolean(), text: z.string() });

export function addAuditCommands(audit: Command, parts: CliParts): void {
  audit
    .command('verify')
    .description('follow the chain of the audit from its first entry to the newest')
    .action(async (_options: unknown, command: Command) => {
      const verdict = await (await connect(parts, command)).send(verdictSchema, 'POST', '/audit/verify');
      if (wantsJson(command)) printJson(parts.terminal, verdict);
      else printLine(parts.terminal, verdict.text);
      settle(parts, verdict.whole ? EXIT.done : EXIT.failed);
    });
}
