import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { scanSource } from '../architecture/source-text.ts';
import { findBareIfs } from './bare-ifs.ts';

/** Each found `if` as its keyword with the condition, and the beginning of its arm. */
const list = (text: string): string[] =>
  findBareIfs(scanSource(text).bare).map(({ at, arm }) => `${text.slice(at, arm).trim()} -> ${text.slice(arm, arm + 4)}`);

describe('An if without else', () => {
  it('is found with a block and with a single statement', () => {
    assert.deepEqual(list('if (a) { b(); }\nif (c[0] === f(")")) return { d };\nnext();'), [
      'if (a) -> { b(',
      'if (c[0] === f(")")) -> retu',
    ]);
  });

  it('is none that has an else, nor one in a comment, a string or a name', () => {
    assert.deepEqual(list('if (a) { b(); } else c();\nif (a) b(); else { c(); }'), []);
    assert.deepEqual(list("// if (a) b();\nconst text = 'if (a) b();';\nx.if(a);\nconst gif = (a) => a;"), []);
  });

  it('is the last of a chain that ends without one', () => {
    assert.deepEqual(list('if (a) b(); else if (c) { d(); }\nnext();'), ['if (c) -> { d(']);
  });

  it('is found below a loop and below another if, whose else is the inner one', () => {
    assert.deepEqual(list('for (const a of b) if (c) d(); else e();\nif (f) if (g) h(); else i();'), ['if (f) -> if (']);
    assert.deepEqual(list('if (a) while (b) { c(); }\nelse d();\nif (e) for await (const f of g) h();'), ['if (e) -> for ']);
  });
});
