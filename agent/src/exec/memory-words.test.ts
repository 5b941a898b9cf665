import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { saysOutOfMemory } from './memory-words.ts';

const SHORT: readonly (readonly [string, string])[] = [
  ['restic at its start', 'fatal error: failed to reserve page summary memory\n\nruntime stack:\n'],
  [
    'restic in the middle',
    'runtime: out of memory: cannot allocate 4194304-byte block (66551808 in use)\nfatal error: out of memory\n',
  ],
  ['restic, by its threads', 'runtime/cgo: pthread_create failed: Resource temporarily unavailable\nSIGABRT: abort\n'],
  ['restic, by its arena', 'fatal error: runtime: cannot allocate memory\n'],
  ['pg_dump', 'pg_dump: error: out of memory\n'],
  ['PostgreSQL’s memory contexts', 'out of memory\n'],
  ['mariadb-dump', 'mysqldump: Out of memory (Needed 17008 bytes)\n'],
  ['a shell', 'sh: 1: Cannot fork: Cannot allocate memory\n'],
  ['the dynamic loader', 'pg_dump: error while loading shared libraries: libpq.so.5: failed to map segment from shared object\n'],
  ['a tool of GNU', 'sort: memory exhausted\n'],
];

describe('Words of a program without memory', () => {
  for (const [who, stderr] of SHORT) it(`are known from ${who}`, () => assert.equal(saysOutOfMemory(stderr), true));

  it('are not read into other failures', () => {
    for (const stderr of [
      '',
      'Fatal: wrong password or no key found\n',
      'write /srv/repo/data: no space left on device\n',
      'pg_dump: error: connection to server failed: Connection refused\n',
      'signal: killed\n',
    ])
      assert.equal(saysOutOfMemory(stderr), false, stderr);
  });
});
