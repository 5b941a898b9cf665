import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { sanitise } from './output.ts';

const HOSTILE = 'a\u001b[31mred\u001b[0m\r\u0008\u0000\n\u009b2J\u202egpj.exe\u2066';

/** What a command that runs `script` writes. */
function printed(script: string): { stdout: string; stderr: string } {
  const program = `import { printJson, printLine, printTable } from ${JSON.stringify(import.meta.resolve('./output.ts'))}; ${script}`;
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], {
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
  return { stdout, stderr };
}

describe('What a command prints', () => {
  it('moves no cursor, colours nothing and turns no text around', () => {
    const clean = sanitise(HOSTILE);
    assert.equal(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/u.test(clean), false);
    assert.equal(clean, 'a\ufffd[31mred\ufffd[0m\ufffd\ufffd\ufffd\ufffd\ufffd2J\ufffdgpj.exe\ufffd');
    assert.equal(sanitise('注文 🦔 Größe'), '注文 🦔 Größe');
  });

  it('is a table in which a hostile name stays in its cell', () => {
    const { stdout, stderr } = printed(
      `printTable(['NAME', 'SIZE'], [[${JSON.stringify('two\nlines\u001b[2J')}, '1'], ['a', '22']]); printLine(${JSON.stringify('x\ny')});`,
    );
    assert.equal(stdout, 'NAME           SIZE\ntwo\ufffdlines\ufffd[2J  1\na              22\nx\ufffdy\n');
    assert.equal(stderr, '');
  });

  it('is JSON that says every name exactly', () => {
    const { stdout } = printed(`printJson({ name: ${JSON.stringify(HOSTILE)} });`);
    assert.deepEqual(JSON.parse(stdout), { name: HOSTILE });
    assert.equal(stdout.includes('\u001b'), false);
  });
});
