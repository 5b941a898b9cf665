import assert from 'node:assert/strict';
import test from 'node:test';
import type { ToolName } from './command.ts';
import { chooseTools } from './tool-sets.ts';

const SETS = { tools: ['mysql', 'mysqldump'], otherTools: ['mariadb', 'mariadb-dump'] } as const;
const choose = (...there: readonly ToolName[]) => chooseTools(SETS, (tool) => there.includes(tool));

test('a host works with the kind’s own clients where it has all of them', () => {
  assert.deepEqual(choose('mysql', 'mysqldump', 'mariadb', 'mariadb-dump'), SETS.tools);
});

test('the other family stands in where it is whole; otherwise its own clients are what is missing', () => {
  assert.deepEqual(choose('mysql', 'mariadb', 'mariadb-dump'), SETS.otherTools);
  assert.deepEqual(choose('mysql', 'mariadb'), SETS.tools);
  assert.deepEqual(choose(), SETS.tools);
});

test('a kind with one set of tools has no choice', () => {
  assert.deepEqual(
    chooseTools({ tools: ['psql'] }, () => false),
    ['psql'],
  );
});
