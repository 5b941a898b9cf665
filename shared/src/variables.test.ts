import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { AGENT_VARIABLES, describeUnknownVariable, findUnknownVariables, SERVER_VARIABLES } from './variables.ts';

const guide = readFileSync(new URL('../../docs/guide/environment.md', import.meta.url), 'utf8');

/** The variables in the first column of the table below a heading. */
function listDocumented(heading: string): string[] {
  const [, below = ''] = guide.split(`## ${heading}\n`);
  const [chapter = ''] = below.split('\n## ');
  const cells = chapter.split('\n').map((line) => /^\| (`[^|]+) \|/.exec(line)?.[1] ?? '');
  return cells.flatMap((cell) => [...cell.matchAll(/`(HOLDFAST_[A-Z_]+)`/g)].map(([, name = '']) => name)).sort();
}

describe('The environment variables', () => {
  it('are the ones that the guide tells, program by program', () => {
    assert.deepEqual(listDocumented('Server'), [...SERVER_VARIABLES].sort());
    assert.deepEqual(listDocumented('Agent'), [...AGENT_VARIABLES].sort());
  });

  it('of every program are known to each of them', () => {
    const all = [...new Set([...guide.matchAll(/`(HOLDFAST_[A-Z_]+)`/g)].map(([, name = '']) => name))];
    assert.ok(all.length > 25);
    assert.deepEqual(findUnknownVariables([...all, 'HOLDFAST_RUN', 'HOLDFAST_SOURCE_COUNT', 'PATH']), []);
  });

  it('that belong to none are named, with the one that was perhaps meant', () => {
    const unknown = findUnknownVariables(['HOLDFAST_STATEDIR', 'HOLDFAST_ELSE_ENTIRELY', 'HOME']);
    assert.deepEqual(
      unknown.map((name) => describeUnknownVariable(name, 'agent')),
      [
        'HOLDFAST_ELSE_ENTIRELY is set but means nothing to this agent',
        'HOLDFAST_STATEDIR is set but means nothing to this agent; did you mean HOLDFAST_STATE_DIR?',
      ],
    );
    assert.equal(
      describeUnknownVariable('HOLDFAST_LISTN', 'server'),
      'HOLDFAST_LISTN is set but means nothing to this server; did you mean HOLDFAST_LISTEN?',
    );
  });
});
