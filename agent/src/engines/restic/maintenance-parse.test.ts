import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkScopeSchema, describeCheckScope } from '@holdfast/shared/domain/maintenance.ts';
import { planCheck, planPrune } from './maintenance-args.ts';
import { findPacks, findPrunedBytes, parseCheckComplaint, parseMaintenanceLine, parseRawStats } from './maintenance-parse.ts';

const PACK = 'aad9731dd0667424742073bad86fff5368eda9cec71be391abe4af7351fb46b6';
const place = { access: { env: {}, files: [], args: [], redact: [] }, cacheDir: '/cache' };

describe('Upkeep of a repository', () => {
  it('reads as much as was asked for, and nothing else becomes an option', () => {
    const argsOf = (scope: unknown) => planCheck(place, checkScopeSchema.parse(scope)).args;
    assert.deepEqual(argsOf({ kind: 'structure' }), ['--json', 'check']);
    assert.deepEqual(argsOf({ kind: 'part', part: 3, of: 10 }), ['--json', 'check', '--read-data-subset=3/10']);
    assert.deepEqual(argsOf({ kind: 'everything' }), ['--json', 'check', '--read-data']);
    assert.deepEqual(planPrune(place, 5).args, ['--json', 'prune', '--max-unused=5%']);
    for (const bad of [
      { part: 11, of: 10 },
      { part: 0, of: 10 },
      { part: 1, of: 1 },
      { part: 1, of: 257 },
    ])
      assert.equal(checkScopeSchema.safeParse({ kind: 'part', ...bad }).success, false);
    assert.equal(describeCheckScope({ kind: 'part', part: 3, of: 10 }), 'part 3 of 10');
  });

  it('tells damage from advice, from retries and from the verdict, in plain text and in JSON', () => {
    const kindOf = (line: string) => parseCheckComplaint(line)?.kind;
    const json = (message: string) => JSON.stringify({ message_type: 'error', message });
    const missing = `pack ${PACK}: does not exist`;
    assert.deepEqual(parseCheckComplaint(missing), { kind: 'error', text: missing, continues: false });
    assert.deepEqual(parseCheckComplaint(json(`${missing}\n`)), { kind: 'error', text: missing, continues: false });
    assert.deepEqual(parseCheckComplaint('  decrypting blob failed'), {
      kind: 'error',
      text: 'decrypting blob failed',
      continues: true,
    });
    assert.equal(kindOf(json('\nThe repository is damaged and must be repaired.\n\n')), 'remark');
    assert.equal(kindOf(json('restic repair packs 1234\n')), 'remark');
    assert.equal(kindOf('Load(<data/aad9731dd0>, 0, 0) returned error, retrying after 552ms: EOF'), 'remark');
    assert.equal(kindOf('Fatal: repository contains errors'), undefined);
    assert.equal(kindOf(JSON.stringify({ message_type: 'exit_error', code: 1, message: 'Fatal: x' })), undefined);
    assert.equal(kindOf('{half a line'), 'error');
    assert.equal(kindOf('x'.repeat(2 * 1024 * 1024)), undefined);
  });

  it('finds the packs that an error names', () => {
    const other = PACK.replaceAll('a', 'b');
    assert.deepEqual(findPacks(`Pack ID does not match, want ${PACK}, got ${other}`), [PACK]);
    assert.deepEqual(findPacks(`pack ${PACK} contains 2 errors: [blob ${other}: …]`), [PACK]);
    assert.deepEqual(findPacks('tree 1234: nothing'), []);
  });

  it('reads how far it is, and what a prune takes away', () => {
    assert.deepEqual(parseMaintenanceLine('[0:07] 50.00%  2 / 4 packs'), {
      kind: 'progress',
      done: 2,
      total: 4,
      what: 'packs',
      text: '[0:07] 50.00%  2 / 4 packs',
    });
    assert.equal(parseMaintenanceLine('check all packs')?.kind, 'remark');
    assert.equal(parseMaintenanceLine(''), undefined);
    assert.equal(findPrunedBytes('total prune:           3 blobs / 2.861 MiB'), Math.round(2.861 * 1024 ** 2));
    assert.equal(findPrunedBytes('total prune:           0 blobs / 0 B'), 0);
    assert.equal(findPrunedBytes('remaining:             4 blobs / 2.862 MiB'), undefined);
  });

  it('reads the size of a repository, compressed or not', () => {
    assert.deepEqual(parseRawStats('{"total_size":3000527,"total_file_count":0,"total_blob_count":4}'), { sizeBytes: 3000527 });
    const modern = parseRawStats('{"total_size":300,"total_uncompressed_size":900,"compression_ratio":3}');
    assert.deepEqual(modern, { sizeBytes: 300, uncompressedBytes: 900 });
    assert.equal(parseRawStats('{"total_size":-1}'), undefined);
  });
});
