import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { BENCHMARKS, selectBenchmarks } from './catalog.ts';

const names = BENCHMARKS.flatMap((benchmark) => benchmark.figures);

describe('The benchmarks', () => {
  it('have figures with names of their own, each explained in the document', () => {
    assert.equal(new Set(names).size, names.length);
    const document = readFileSync(join(import.meta.dirname, '../../docs/benchmarks.md'), 'utf8');
    assert.deepEqual(
      names.filter((name) => !document.includes(`\`${name}\``)),
      [],
    );
  });

  it('are chosen by the beginning of a figure’s name', () => {
    assert.equal(selectBenchmarks(BENCHMARKS, undefined).length, BENCHMARKS.length);
    for (const name of names) assert.ok(selectBenchmarks(BENCHMARKS, name).some((one) => one.figures.includes(name)));
    assert.equal(selectBenchmarks(BENCHMARKS, 'backup-').length, 2);
  });

  it('say which there are when none is meant', () => {
    assert.throws(() => selectBenchmarks(BENCHMARKS, 'nothing'), /backup-postgres-ratio/);
  });
});
