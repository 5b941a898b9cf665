import assert from 'node:assert/strict';
import test from 'node:test';
import { TEXT } from '../../limits.ts';
import { classifyByRules, cleanToolText, describeOutcome } from './tool-text.ts';

test('control characters become blanks and blank lines go', () => {
  assert.equal(cleanToolText('\u001b[31mred\u001b[0m\r\n\n  next\u0000 \n'), '[31mred [0m\nnext');
});

test('a flood keeps its first and last lines within the limit', () => {
  const text = cleanToolText(Array.from({ length: 100 }, (_, index) => `line ${index}`).join('\n'));
  assert.ok(text.startsWith('line 0\n') && text.endsWith('\nline 99'));
  assert.equal(text.split('\n').length, 13);
  assert.equal(cleanToolText('x'.repeat(100_000)).length, TEXT.errorChars);
});

test('a silent tool still gives words', () => {
  assert.match(describeOutcome({ exitCode: 4, stdout: '', stderr: ' \n' }), /code 4/);
  assert.match(describeOutcome({ exitCode: null, stdout: '', stderr: '' }), /signal/);
});

test('the first rule that knows the text decides, else the fallback', () => {
  const rules = [
    { reason: 'disk_full' as const, pattern: /full/ },
    { reason: 'stalled' as const, pattern: /./ },
  ];
  assert.equal(classifyByRules(rules, { exitCode: 1, stdout: '', stderr: 'disk full' }, 'unknown_failure').reason, 'disk_full');
  assert.equal(classifyByRules(rules, { exitCode: 1, stdout: '', stderr: '' }, 'unknown_failure').reason, 'unknown_failure');
});
