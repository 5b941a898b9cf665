import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { Command } from '@holdfast/shared/adapters/command.ts';
import { ANY_CHARACTER } from '@holdfast/shared/fixtures/any-character.ts';
import fc from 'fast-check';
import { createBoundedText } from './bounded-text.ts';
import { writeCommandFiles } from './command-files.ts';
import { createChildEnvironment } from './environment.ts';
import { createLineSplitter } from './lines.ts';

function split(chunks: readonly Uint8Array[], maxBytes: number): string[] {
  const lines: string[] = [];
  const splitter = createLineSplitter(maxBytes, (line) => lines.push(line));
  for (const chunk of chunks) splitter.push(chunk);
  splitter.end();
  return lines;
}

function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const edges = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...edges].map((from, index) => bytes.subarray(from, edges[index] ?? bytes.length));
}

describe('Lines', () => {
  it('are the same however the bytes are cut', () => {
    const text = fc.array(
      fc.oneof(fc.string({ unit: ANY_CHARACTER, maxLength: 20 }), fc.constantFrom('\n', '\r\n', '\n\n', 'ü€😀')),
    );
    fc.assert(
      fc.property(text, fc.array(fc.nat()), (pieces, places) => {
        const bytes = Buffer.from(pieces.join(''));
        assert.deepEqual(split(cut(bytes, places), 1 << 20), split([bytes], 1 << 20));
      }),
    );
  });

  it('come without their endings, the last one also without a newline', () => {
    assert.deepEqual(split([Buffer.from('a\r\nb\n\nc')], 100), ['a', 'b', '', 'c']);
    assert.deepEqual(split([Buffer.from('a\n')], 100), ['a']);
    assert.deepEqual(split([], 100), []);
  });

  it('are cut at the limit, and what follows a long one arrives whole', () => {
    const [long, next] = split([Buffer.from(`${'x'.repeat(500)}\nnext\n`)], 100);
    assert.ok(long?.startsWith('x'.repeat(90)) && long.length < 200);
    assert.equal(next, 'next');
  });
});

describe('Bounded text', () => {
  it('keeps everything up to its limits, and head and tail above them, however it is cut', () => {
    fc.assert(
      fc.property(fc.nat(300), fc.array(fc.nat()), (length, places) => {
        const bytes = Buffer.from(Array.from({ length }, (_, index) => 97 + (index % 26)));
        const text = createBoundedText(50, 100);
        for (const chunk of cut(bytes, places)) text.push(chunk);
        const whole = bytes.toString();
        const expected =
          length <= 150 ? whole : `${whole.slice(0, 50)}\n… (${length - 150} bytes left out)\n${whole.slice(-100)}`;
        assert.equal(text.read(), expected);
      }),
    );
  });
});

const command = (files: Command['files'], env: Command['env'] = {}): Command => ({ tool: 'restic', args: [], env, files });

describe('The environment of a child', () => {
  it('holds the list and the command’s own values, and nothing of ours', () => {
    const base = { path: '/bin', home: '/home/a', tmpDir: '/tmp/a' };
    assert.deepEqual(createChildEnvironment(base, command([], { RESTIC_REPOSITORY: 'local:/r' })), {
      PATH: '/bin',
      HOME: '/home/a',
      TMPDIR: '/tmp/a',
      LANG: 'C.UTF-8',
      LC_ALL: 'C.UTF-8',
      TZ: 'UTC',
      RESTIC_REPOSITORY: 'local:/r',
    });
  });
});

describe('Files of a command', () => {
  it('are private, shared when they are the same, and gone afterwards', (t) => {
    const dir = mkdtempSync(join(tmpdir(), 'holdfast-files-'));
    t.after(() => rmSync(dir, { recursive: true }));
    const path = join(dir, 'deep/password');
    const remove = writeCommandFiles(dir, [command([{ path, content: 'x' }]), command([{ path, content: 'x' }])]);
    assert.equal(readFileSync(path, 'utf8'), 'x');
    assert.equal(statSync(path).mode & 0o777, 0o600);
    remove();
    assert.equal(existsSync(path), false);
  });

  it('are refused with two contents under one name, and outside the private directory', (t) => {
    const dir = mkdtempSync(join(tmpdir(), 'holdfast-files-'));
    t.after(() => rmSync(dir, { recursive: true }));
    const path = join(dir, 'password');
    assert.throws(
      () =>
        writeCommandFiles(dir, [
          command([
            { path, content: 'x' },
            { path, content: 'y' },
          ]),
        ]),
      /different content/,
    );
    for (const outside of [join(dir, '../elsewhere'), '/etc/elsewhere', dir]) {
      assert.throws(() => writeCommandFiles(dir, [command([{ path: outside, content: 'x' }])]), /outside/);
    }
  });
});
