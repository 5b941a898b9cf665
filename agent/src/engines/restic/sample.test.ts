import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createDrawing, parseModified, parseSampledFile } from './sample.ts';

const LIMITS = { files: 20, bytes: 1_000_000, pathBytes: 10_000 };
const FILES = Array.from({ length: 5000 }, (_, index) => ({ path: `/srv/${index}`, sizeBytes: 100, modifiedNs: 0n }));

function draw(seed: string, files = FILES, limits = LIMITS): readonly string[] {
  const drawing = createDrawing(seed, limits);
  for (const file of files) drawing.add(file);
  return drawing.draw().map(({ path }) => path);
}

describe('A sample of files', () => {
  it('is the same for the same seed, in whatever order the files are listed, and another for another seed', () => {
    assert.equal(draw('run_1').length, 20);
    assert.deepEqual(draw('run_1', FILES.toReversed()), draw('run_1'));
    assert.notDeepEqual(draw('run_2'), draw('run_1'));
  });

  it('is every file where there are few, and none where there is none', () => {
    assert.equal(draw('run_1', FILES.slice(0, 7)).length, 7);
    assert.deepEqual(draw('run_1', []), []);
  });

  it('stays below its limits, and leaves out what is too big for them', () => {
    const big = FILES.map((file, index) => (index % 2 === 0 ? { ...file, sizeBytes: 2_000_000 } : file));
    assert.ok(draw('run_1', big).every((path) => Number(path.slice(5)) % 2 === 1));
    assert.equal(draw('run_1', FILES, { ...LIMITS, bytes: 350 }).length, 3);
    assert.ok(draw('run_1', FILES, { ...LIMITS, pathBytes: 30 }).join('').length <= 30);
  });

  it('is drawn from files alone, whose names and times are surely those of the disk', () => {
    const line = (more: object) =>
      JSON.stringify({ struct_type: 'node', type: 'file', path: '/a', size: 5, mtime: '2026-11-20T10:00:00.5Z', ...more });
    assert.deepEqual(parseSampledFile(line({})), { path: '/a', sizeBytes: 5, modifiedNs: 1_795_168_800_500_000_000n });
    for (const more of [
      { type: 'dir' },
      { path: 'a' },
      { path: '/\ufffd' },
      { path: '/\u{f0085}' },
      { mtime: 'never' },
      { struct_type: 'snapshot' },
    ])
      assert.equal(parseSampledFile(line(more)), undefined, JSON.stringify(more));
    for (const text of ['', 'no json', '{', `{"a": "${'x'.repeat(70_000)}"}`]) assert.equal(parseSampledFile(text), undefined);
  });

  it('knows the time of change to the nanosecond, in any zone', () => {
    assert.equal(parseModified('2026-11-20T11:00:00.123456789+01:00'), 1_795_168_800_123_456_789n);
    assert.equal(parseModified('2026-11-20T10:00:00Z'), 1_795_168_800_000_000_000n);
    assert.equal(parseModified('yesterday'), undefined);
  });
});
