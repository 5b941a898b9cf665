import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { postgresWitness } from './witness.ts';

const INPUT = { config: { host: '/run/postgresql', user: 'backup', database: 'shop' }, secrets: {}, workDir: '/w' };
const RUN = 'run_k3j2';

describe('The transaction of a restore into PostgreSQL', () => {
  it('is known on the server by the run, in the session that restores and in both questions about it', () => {
    const named = postgresWitness.name(
      { tool: 'pg_restore', args: ['--clean'], env: { PGAPPNAME: 'x', PGUSER: 'u' }, files: [] },
      RUN,
    );
    assert.deepEqual(named.env, { PGAPPNAME: `holdfast ${RUN}`, PGUSER: 'u' });
    for (const command of [postgresWitness.planWatch(INPUT, RUN), postgresWitness.planAsk(INPUT, RUN, '7000000000')]) {
      assert.equal(
        command.args.some((arg) => arg.includes(RUN)),
        false,
        'nothing of it is an argument',
      );
      assert.match(command.files.at(-1)?.content ?? '', new RegExp(`application_name = E'holdfast ${RUN}'`));
    }
  });

  it('has a mark in one line of what the look prints, and no end that the server does not name', () => {
    const lines = ['', 'watching', 'mark ', 'mark 7000000000', 'mark 7; DROP'].map((line) => postgresWitness.readLine(line));
    assert.deepEqual(lines, [undefined, {}, undefined, { mark: '7000000000' }, undefined]);
    assert.throws(() => postgresWitness.planAsk(INPUT, RUN, '7; DROP'), { code: 'invalid' });
    const ends = ['committed\n', 'aborted\n', 'in progress\n', 'unknown\n', ''].map((text) => postgresWitness.parseAsk(text));
    assert.deepEqual(ends, ['carried_out', 'taken_back', 'unknown', 'unknown', 'unknown']);
  });
});
