import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { showStoredText, toStoredBytes } from '@holdfast/shared/domain/stored-path.ts';
import { ANY_CHARACTER } from '@holdfast/shared/fixtures/any-character.ts';
import fc from 'fast-check';
import {
  isListedBelow,
  parseDiffLine,
  parseFound,
  parseListedEntry,
  parseRootTree,
  parseTree,
  unquoteName,
} from './tree-parse.ts';

const node = (more: object) => ({ name: 'a', type: 'file', mode: 420, mtime: '2026-01-02T03:04:05.123456789Z', ...more });
const tree = (...nodes: object[]) => JSON.stringify({ nodes });

describe('A directory as restic prints it', () => {
  it('gives each entry with what a person wants to know', () => {
    const hole = '07854d2fef297a06ba81685e660c332de36d5d18d546927d30daad6d7fda1541';
    const [file] = parseTree(tree(node({ size: 9, uid: 0, gid: 5, user: 'root', links: 3, content: [hole, 'ab', hole] }))) ?? [];
    assert.deepEqual(file?.entry, {
      name: 'a',
      type: 'file',
      sizeBytes: 9,
      mode: 0o644,
      owner: 'root:5',
      modifiedAt: Date.UTC(2026, 0, 2, 3, 4, 5, 123),
      links: 3,
      holeBytes: 1024 * 1024,
    });
    const raw = Buffer.from([0x2f, 0xe9]).toString('base64');
    const [link] = parseTree(tree(node({ type: 'symlink', linktarget: '/\ufffd', linktarget_raw: raw }))) ?? [];
    assert.equal(showStoredText(link?.entry.linkTarget ?? ''), '/\\xe9');
    const [directory] = parseTree(tree(node({ type: 'dir', mode: 2 ** 31 + 2 ** 20 + 2 ** 23 + 0o755, subtree: 'cd' }))) ?? [];
    assert.deepEqual([directory?.treeId, directory?.entry.mode, directory?.entry.sizeBytes], ['cd', 0o5755, 0]);
    assert.equal(parseTree(tree(node({ type: 'portal' })))?.[0]?.entry.type, 'other');
  });

  it('leaves out names that lead elsewhere, whoever wrote them, and what is no node', () => {
    const names = ['..', '.', 'a/b', 'nul\\x00', 'good'].map((name) => node({ name }));
    assert.deepEqual(
      parseTree(tree(...names, { name: 5 }, node({ name: '' })))?.map(({ entry }) => entry.name),
      ['good'],
    );
    assert.deepEqual(parseTree('{"nodes":null}'), []);
    for (const text of ['', '[]', 'null', '{"nodes":5}', '{"nodes":[']) assert.equal(parseTree(text), undefined, text);
  });

  it('reads names as they were quoted, byte by byte', () => {
    for (const [quoted, shown] of [
      ['plain', 'plain'],
      ['line\\nbreak', 'line\\u{a}break'],
      ['caf\\xe9', 'caf\\xe9'],
      ['a\\\\x41', 'a\\x41'],
      ['\\"q\\"', '"q"'],
      ['\\u202e\\U0001f994', '\\u{202e}🦔'],
      ['\\x1b[31m', '\\u{1b}[31m'],
    ] as const)
      assert.equal(showStoredText(unquoteName(quoted)), shown, quoted);
    assert.deepEqual([...toStoredBytes(unquoteName('\\xff\\x7f'))], [0xff, 0x7f]);
    fc.assert(
      fc.property(fc.string({ unit: ANY_CHARACTER }), (text) =>
        assert.ok(unquoteName(text).isWellFormed() || !text.isWellFormed()),
      ),
    );
  });
});

describe('What restic finds, lists and compares', () => {
  it('is read as far as it goes, whatever stands in the names', () => {
    const one =
      '{"path":"/srv/}]{\\"","type":"file","size":3,"mtime":"2026-01-02T03:04:05Z","extended_attributes":[{"name":"x"}]}';
    const two = '{"path":"/srv/caf\\ufffd","type":"dir"}';
    const three = '{"path":"/srv/\ufffd","type":"file","size":1}';
    const whole = `[{"matches":[${one},${two},${three}],"hits":3,"snapshot":"ab"}]`;
    assert.deepEqual(
      parseFound(whole).map(({ path, exact, sizeBytes }) => [path, exact, sizeBytes]),
      [
        ['/srv/}]{"', true, 3],
        ['/srv/caf\ufffd', false, 0],
        ['/srv/\ufffd', true, 1],
      ],
    );
    assert.equal(parseFound(whole.slice(0, whole.length - 60)).length, 2);
    assert.deepEqual(parseFound('[]'), []);
    fc.assert(fc.property(fc.string(), (text) => assert.ok(Array.isArray(parseFound(text)))));
  });

  it('tells the root of a snapshot and its nodes apart', () => {
    const root = `{"struct_type":"snapshot","tree":"${'ab'.repeat(32)}"}`;
    assert.equal(parseRootTree(root), 'ab'.repeat(32));
    assert.equal(parseRootTree('{"struct_type":"node","tree":"x"}'), undefined);
    assert.equal(parseListedEntry(root), undefined);
    const listed = parseListedEntry('{"struct_type":"node","path":"/srv/a","type":"file","size":7}');
    assert.deepEqual([listed?.entry.name, listed?.entry.sizeBytes, listed?.exact], ['a', 7, true]);
  });

  it('says what changed, and counts all of it', () => {
    const change = parseDiffLine('{"message_type":"change","path":"/srv/new/","modifier":"+"}');
    assert.deepEqual(change, { kind: 'change', path: '/srv/new', isDirectory: true, modifier: '+' });
    const statistics =
      '{"message_type":"statistics","changed_files":2,"added":{"files":1,"dirs":1,"others":3},"removed":{"files":4,"others":0}}';
    assert.deepEqual(parseDiffLine(statistics), { kind: 'totals', added: 4, removed: 4, changed: 2 });
    assert.equal(parseDiffLine('comparing snapshot'), undefined);
  });

  it('knows what lies below a path, and not what only begins like it', () => {
    assert.ok(isListedBelow('/srv/a/b', ['/srv/a']) && isListedBelow('/srv/a', ['/srv/a']) && isListedBelow('/x', ['/']));
    assert.equal(isListedBelow('/srv/ab', ['/srv/a']), false);
  });
});
