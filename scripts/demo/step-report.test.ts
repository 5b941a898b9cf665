import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createStepReport, describeError, formatStep } from './step-report.ts';

describe('The report of steps', () => {
  it('numbers the steps and gives each its own duration', async () => {
    const lines: string[] = [];
    let now = 0;
    const steps = createStepReport(
      12,
      (line) => lines.push(line),
      () => now,
    );
    const result = await steps.run('First', async () => {
      now += 1250;
      return { said: 'made', result: 7 };
    });
    await steps.run('Second', async () => {
      now += 40;
      return { said: '', result: undefined };
    });
    assert.equal(result, 7);
    assert.deepEqual(
      lines.map((line) => line.replaceAll(/ +/g, ' ').trim()),
      ['1/12 First 1.3 s made', '2/12 Second 0.0 s'],
    );
    assert.equal(steps.elapsedMs(), 1290);
  });

  it('names the step that failed in one line, with the causes', async () => {
    const steps = createStepReport(3, () => undefined);
    const failing = steps.run('Server', async () => {
      throw new Error('it ended:\n  exit 1', { cause: new Error('port taken') });
    });
    await assert.rejects(failing, { message: 'step 1 (Server): it ended: | exit 1: port taken' });
  });

  it('keeps its columns whatever the length of a title', () => {
    const short = formatStep({ number: 1, total: 9, title: 'A', said: 'x', tookMs: 100 });
    const long = formatStep({ number: 9, total: 9, title: 'Restore and compare', said: 'x', tookMs: 99_900 });
    assert.equal(short.indexOf('x'), long.indexOf('x'));
  });

  it('describes several failures at once, and what is no error at all', () => {
    assert.equal(describeError(new AggregateError([new Error('a'), new Error('b')])), 'a; b');
    assert.equal(describeError('plain'), 'plain');
  });
});
