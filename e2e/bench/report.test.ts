import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { judgeFigure } from './figure.ts';
import { formatJson, formatTable, mergeIntoDocument, TABLE_END, TABLE_START } from './report.ts';

const good = judgeFigure('backup-postgres-ratio', 1.021, 'ratio', 1.05, '5 pairs');
const bad = judgeFigure('agent-idle-rss', 93.4, 'MB', 80, '60 s | one agent');

describe('The report of a benchmark', () => {
  it('calls a figure good up to its limit and missed above it', () => {
    assert.equal(judgeFigure('x', 80, 'MB', 80, '').ok, true);
    assert.equal(judgeFigure('x', 80.1, 'MB', 80, '').ok, false);
  });

  it('shows each figure beside its limit, a missed one by name', () => {
    const [head, first, , second] = formatTable([good, bad]).split('\n');
    assert.match(head ?? '', /^figure +value +limit/);
    assert.match(first ?? '', /^backup-postgres-ratio +1\.021 +≤ 1\.05 +ok$/);
    assert.match(second ?? '', /^agent-idle-rss +93\.4 MB +≤ 80 MB +missed$/);
  });

  it('writes exactly the fields that programs read', () => {
    assert.deepEqual(JSON.parse(formatJson([bad])), [
      { name: 'agent-idle-rss', value: 93.4, unit: 'MB', limit: 80, ok: false, command: 'make bench ONLY=agent-idle-rss' },
    ]);
  });

  it('replaces the rows it measured in the document and keeps the others', () => {
    const empty = `# Benchmarks\n\n${TABLE_START}\n${TABLE_END}\n\nWords.\n`;
    const first = mergeIntoDocument(empty, [good, bad], 'Two cores.');
    const better = judgeFigure('agent-idle-rss', 71, 'MB', 80, '60 s');
    const second = mergeIntoDocument(first, [better], 'Four cores.');
    assert.match(second, /Four cores\./);
    assert.doesNotMatch(second, /Two cores\.|93\.4|missed/);
    assert.match(second, /\| `backup-postgres-ratio` \| 1\.021 \|/);
    assert.equal(second.match(/^\| `agent-idle-rss`/gm)?.length, 1);
    assert.ok(first.includes('60 s \\| one agent'));
    assert.ok(second.endsWith('\n\nWords.\n'));
  });

  it('refuses a document without a place for figures', () => {
    assert.throws(() => mergeIntoDocument('# Benchmarks\n', [good], ''), /no place/);
  });
});
