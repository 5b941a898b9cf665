import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { tryTool } from '../../e2e/harness/services/tool-run.ts';
import { listGuideCommands, listOptions, listSubcommands, namesOption } from './guide-commands.ts';

const ROOT = join(import.meta.dirname, '../..');
const TOOLS = new Set(['restic', 'psql', 'createdb', 'pg_restore', 'mariadb', 'curl', 'age', 'age-keygen']);
const commands = ['README.md', ...globSync('docs/**/*.md', { cwd: ROOT })]
  .flatMap((document) => listGuideCommands(document, readFileSync(join(ROOT, document), 'utf8')))
  .filter(({ words }) => TOOLS.has(words[0] ?? ''));

describe('The commands of other tools in the documents', () => {
  it('have options that the installed tools know', async () => {
    assert.ok(commands.length >= 8);
    for (const { document, line, words } of commands) {
      const [program = '', subcommand = ''] = listSubcommands(words);
      const args = program === 'restic' ? [subcommand, '--help'] : program === 'curl' ? ['--help', 'all'] : ['--help'];
      const { code, stdout, stderr } = await tryTool(program, args);
      if (program === 'curl' && code === 127) continue;
      assert.equal(code, 0, `${document}:${line} ${program} ${args.join(' ')}: ${stderr}`);
      for (const option of listOptions(words))
        assert.ok(namesOption(`${stdout}${stderr}`, option), `${document}:${line} ${program} has no ${option}`);
    }
  });
});
