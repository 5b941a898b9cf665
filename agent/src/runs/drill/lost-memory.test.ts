import assert from 'node:assert/strict';
import { it } from 'node:test';
import { parseUnused } from './lost-memory.ts';

const TEXT = `       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      atime      dtime      ctime                   rss                  swap
   2146482     458763   600                    56 30121 30123      0 65534 65534 65534 65534 1795181152 1795181152 1795181111                  4096                     0
  15345073    1376269   600                    56 31835 31835      6 65534 65534 65534 65534 1795207378 1795207378 1795207376                  4096                     0
   2220209    1179664   600                    56 28983  7588      0   101   104   101   104 1795206513 1795206514 1795204778                  4096                     0
`;

it('only segments of the account that nobody uses are told, each with its key', () => {
  assert.deepEqual([...parseUnused(TEXT, 65534)], [[458763, 2146482]]);
  assert.deepEqual([...parseUnused(TEXT, 101)], [[1179664, 2220209]]);
  assert.deepEqual([...parseUnused(TEXT, 0)], []);
  assert.deepEqual([...parseUnused('', 0)], []);
});
