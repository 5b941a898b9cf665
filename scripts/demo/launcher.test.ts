import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { listLaunchers } from './launcher.ts';

/** A process table: number, name, parent. */
function tableOf(...rows: readonly (readonly [number, string, number, string?])[]): (pid: number) => string {
  return (pid) => {
    const row = rows.find(([own]) => own === pid);
    return row === undefined ? '' : `${pid} (${row[1]}) ${row[3] ?? 'S'} ${row[2]} 1 1 0`;
  };
}

describe('The launchers of the demo', () => {
  it('are the chain up to make, and not the shell or terminal above it', () => {
    const read = tableOf([9, 'node', 8], [8, 'sh', 7], [7, 'npm run demo', 6], [6, 'make', 5], [5, 'sh', 4], [4, 'sshd', 1]);
    assert.deepEqual(
      listLaunchers(9, read).map(({ pid }) => pid),
      [8, 7, 6],
    );
  });

  it('are none when it was started directly, so that a shell that ends does not end the demo', () => {
    assert.deepEqual(listLaunchers(9, tableOf([9, 'node', 8], [8, 'sh', 7], [7, 'bash', 1])), []);
  });

  it('do not include one that has ended, nor anything above it', () => {
    assert.deepEqual(listLaunchers(9, tableOf([9, 'node', 8], [8, 'npm run demo', 7, 'Z'], [7, 'make', 1])), []);
  });

  it('are read right when a name holds parentheses and blanks', () => {
    assert.deepEqual(listLaunchers(9, tableOf([9, 'no) S 1 (de', 8], [8, 'make', 1])), [{ pid: 8, name: 'make' }]);
  });
});
