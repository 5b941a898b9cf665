import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { EXPERIMENTS } from './catalog.ts';
import { createTally, isGood } from './experiment.ts';
import { openNotebook } from './notebook.ts';
import { holdToPublished, LEAST_TRIES } from './published.ts';
import { formatJson, formatTable, mergeIntoDocument, type Reported, TABLE_END, TABLE_START } from './report.ts';

const good: Reported = {
  name: 'gate-faults',
  tried: 1200,
  bad: 0,
  limit: 0,
  detail: 'a | b',
  findings: [],
  seed: '1',
  effort: 'full',
};
const slow: Reported = { ...good, name: 'half-open', tried: 4, bad: 51, limit: 45, unit: 's', findings: ['server took 51 s'] };

describe('A tally', () => {
  it('counts tries, and keeps the first of what was bad', () => {
    const tally = createTally('x', 1);
    for (let index = 0; index < 100; index += 1) tally.count(index % 2 === 0 ? `try ${index}` : undefined);
    const outcome = tally.toOutcome('how');
    assert.deepEqual([outcome.tried, outcome.bad, outcome.findings.length, outcome.findings[0]], [100, 50, 20, 'try 0']);
    assert.equal(isGood(outcome), false);
  });

  it('is not good when nothing was tried, or less than the figure is worth', () => {
    assert.equal(isGood(createTally('x').toOutcome('')), false);
    assert.deepEqual(
      [199, 200].map((tried) => isGood({ ...good, tried, least: 200 })),
      [false, true],
    );
  });
});

describe('A figure that is to be published', () => {
  it('is held to the number of tries that it promises, or to its own where that is more', () => {
    const judge = (tried: number, least?: number) => isGood(holdToPublished({ ...good, tried, least }, 'full'));
    assert.deepEqual([judge(999), judge(1000), judge(1000, 1001)], [false, true, false]);
    assert.equal(isGood(holdToPublished({ ...good, tried: 1 }, 'quarter')), true);
    assert.equal(isGood(holdToPublished({ ...slow, tried: 1, bad: 44 }, 'full')), true);
  });

  it('is one that an experiment makes', () => {
    const made = new Set(EXPERIMENTS.flatMap(({ figures }) => figures));
    assert.deepEqual(
      Object.keys(LEAST_TRIES).filter((name) => !made.has(name)),
      [],
    );
  });
});

describe('The report of the laboratory', () => {
  it('is a table with what was found', () => {
    const lines = formatTable([good, slow]).split('\n');
    assert.match(lines[1] ?? '', /^gate-faults +1,200 +0 +≤ 0 +ok$/);
    assert.match(lines[3] ?? '', /^half-open +4 +51 s +≤ 45 s +MISSED$/);
    assert.equal(lines[5], '    ! server took 51 s');
  });

  it('is JSON with the command that makes each figure again', () => {
    const [row, unmade] = JSON.parse(formatJson([good], ['never-made'], { seed: '7', effort: 'quarter' })) as Record<
      string,
      unknown
    >[];
    assert.deepEqual([unmade?.['name'], unmade?.['ok']], ['never-made', false]);
    assert.deepEqual(
      [row?.['name'], row?.['tried'], row?.['bad'], row?.['limit'], row?.['ok'], row?.['seed'], row?.['command']],
      ['gate-faults', 1200, 0, 0, true, '1', 'make chaos FULL=1 ONLY=gate-faults SEED=1'],
    );
    const [soaked] = JSON.parse(formatJson([{ ...good, effort: 'quarter', soak: '85m' }], [], good)) as Record<string, unknown>[];
    assert.equal(soaked?.['command'], 'make chaos SOAK=85m ONLY=gate-faults SEED=1');
  });

  it('replaces its own rows of a document and leaves the others', () => {
    const empty = `before\n${TABLE_START}\n${TABLE_END}\nafter`;
    const both = mergeIntoDocument(empty, [good, slow], 'machine 1');
    const again = mergeIntoDocument(both, [{ ...slow, bad: 3 }], 'machine 2');
    assert.match(again, /^before\n/);
    assert.match(again, /\nafter$/);
    assert.match(again, /machine 2/);
    assert.match(again, /\| `gate-faults` \| 1,200 \| 0 \| 0 \| ok \| a \\\| b \|/);
    assert.match(again, /\| `half-open` \| 4 \| 3 s \| 45 s \| ok \|/);
    assert.doesNotMatch(again, /51 s/);
    assert.throws(() => mergeIntoDocument('nothing', [good], ''), /no place/);
  });
});

describe('The notebook', () => {
  it('knows what an earlier call of the same seed and effort found, and writes each injection down', (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'holdfast-notebook-'));
    t.after(() => rmSync(directory, { recursive: true }));
    const first = openNotebook(directory, '7', 'full', 'abc');
    assert.equal(first.findOutcomes(['gate-faults']), undefined);
    first.keep([good]);
    first.record('gate', { fault: 'kill' });
    const second = openNotebook(directory, '7', 'full', 'abc');
    assert.deepEqual(second.findOutcomes(['gate-faults']), [good]);
    assert.equal(second.findOutcomes(['gate-faults', 'half-open']), undefined);
    assert.equal(openNotebook(directory, '8', 'full', 'abc').findOutcomes(['gate-faults']), undefined);
    assert.equal(openNotebook(directory, '7', 'full', 'abd').findOutcomes(['gate-faults']), undefined);
    assert.equal(openNotebook(directory, '7', 'quarter', 'abc').findOutcomes(['gate-faults']), undefined);
    assert.deepEqual(JSON.parse(readFileSync(first.injections, 'utf8')), { experiment: 'gate', fault: 'kill' });
  });
});
