import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { findSatisfied, isPurpose, listNeeds, type NeedList, PURPOSES } from './needs.ts';

const withoutMysql = ({ foreign }: NeedList) => foreign.filter((need) => !need.programs.includes('mysqld'));

test('MySQL comes from the suite that has it, with its libraries, on every release; only its own tests need it', () => {
  for (const codename of ['bookworm', 'trixie']) {
    const [need, ...others] = listNeeds('test', codename).foreign.filter(({ programs }) => programs.includes('mysqld'));
    assert.deepEqual([need?.suite, need?.bringsLibraries, need?.onlyFor, others.length], ['sid', true, 'tests against MySQL', 0]);
  }
});

test('the demo needs nothing from another release', () => {
  assert.deepEqual(listNeeds('demo', 'bookworm').foreign, []);
});

test('a release with an old restic fetches the new one and the rest-server from the next release', () => {
  const needs = listNeeds('test', 'bookworm');
  assert.deepEqual(withoutMysql(needs), [
    { suite: 'trixie', packages: ['restic', 'restic-rest-server'], programs: ['restic', 'restic-rest-server'] },
  ]);
  assert.ok(!needs.system.some((need) => need.name === 'restic-rest-server'));
});

test('a release with a new restic fetches the old one and has the rest-server itself', () => {
  const needs = listNeeds('test', 'trixie');
  assert.deepEqual(withoutMysql(needs), [{ suite: 'bookworm', packages: ['restic'], programs: ['restic'] }]);
  assert.ok(needs.system.some((need) => need.name === 'restic-rest-server'));
});

test('what the tests need includes everything the demo needs', () => {
  const names = new Set(listNeeds('test', 'bookworm').system.map((need) => need.name));
  for (const need of listNeeds('demo', 'bookworm').system) assert.ok(names.has(need.name), need.name);
});

test('every purpose that a make target prepares for is known, and each is prepared for', () => {
  const makefile = readFileSync(join(import.meta.dirname, '../../Makefile'), 'utf8');
  const words = [...makefile.matchAll(/\bsetup -- (\S+)/g)].map(([, word = '']) => word);
  assert.ok(words.length > 5);
  assert.deepEqual(
    words.filter((word) => !isPurpose(word)),
    [],
  );
  assert.deepEqual([...new Set(words)].sort(), [...PURPOSES].sort());
});

test('a need is satisfied by the first path that exists, versions in the path included', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-needs-'));
  try {
    const need = { name: 'tool', package: 'tool', paths: [join(folder, 'missing'), join(folder, '*/bin/tool')] };
    assert.equal(findSatisfied(need), undefined);
    await mkdir(join(folder, '15/bin'), { recursive: true });
    await writeFile(join(folder, '15/bin/tool'), '');
    assert.equal(findSatisfied(need), join(folder, '15/bin/tool'));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
