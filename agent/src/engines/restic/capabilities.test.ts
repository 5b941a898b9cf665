import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AppError } from '@holdfast/shared/errors.ts';
import { getCapabilities, parseVersion } from './capabilities.ts';

describe('the capability table', () => {
  const rows: readonly (readonly [string, string])[] = [
    ['restic 0.14.0 compiled with go1.19.8 on linux/amd64', '0.14'],
    ['0.14.0', '0.14'],
    ['0.15.2', '0.15'],
    ['0.16.5', '0.16'],
    ['0.17.0', '0.17'],
    ['0.17.1', '0.17.1'],
    ['0.17.3', '0.17.1'],
    ['restic 0.18.0 compiled with go1.24.4 on linux/amd64', '0.18'],
    ['0.18.1-dev', '0.18'],
    ['0.19.0', '0.18'],
    ['1.0.0', '0.18'],
  ];
  for (const [text, row] of rows) {
    it(`reads "${text}" as a restic of the row ${row}`, () => assert.equal(getCapabilities(text).row, row));
  }

  for (const text of ['0.13.1', 'restic 0.9.6 compiled with go1.12', '0.0.1']) {
    it(`refuses ${text} and says what to install`, () => {
      assert.throws(
        () => getCapabilities(text),
        (error) => error instanceof AppError && error.code === 'unsupported' && error.message.includes('0.14 or newer'),
      );
    });
  }

  for (const text of ['', 'command not found', '0.14.0.1', 'v', '99999.1']) {
    it(`finds no version in "${text}"`, () => assert.equal(parseVersion(text), undefined));
  }

  it('knows exit code 12 only from 0.17.1 on', () => {
    assert.equal(getCapabilities('0.17.0').exitCodePassword, false);
    assert.equal(getCapabilities('0.17.1').exitCodePassword, true);
  });
});
