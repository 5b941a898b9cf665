import assert from 'node:assert/strict';
import test from 'node:test';
import { createConfigSchema } from '../field.ts';
import { filesSource } from './files.ts';

const schema = createConfigSchema(filesSource.fields);

test('paths must be absolute and at least one is needed', () => {
  assert.equal(schema.safeParse({ paths: ['/srv'] }).success, true);
  for (const paths of [[], ['srv'], ['--option'], ['/srv\u0000'], undefined])
    assert.equal(schema.safeParse({ paths }).success, false);
});

test('the artifact is the list of paths with its excludes', () => {
  const config = schema.parse({
    paths: ['/srv/a b', '/srv/new\nline'],
    excludes: ['*.tmp'],
    oneFileSystem: true,
    canaries: ['/srv/shop/canary'],
    removable: ['/srv/usb'],
    floorBytes: 10,
  });
  assert.deepEqual(
    filesSource.planBackup({ config, secrets: {}, workDir: '/w' }, { serverVersion: '', facts: {}, warnings: [] }),
    [
      {
        kind: 'tree',
        role: 'data',
        paths: ['/srv/a b', '/srv/new\nline'],
        excludes: ['*.tmp'],
        oneFileSystem: true,
        removable: ['/srv/usb'],
        canaries: ['/srv/shop/canary'],
        floorBytes: 10,
      },
    ],
  );
});

test('a long list of paths is described by its first ones and a number', () => {
  assert.equal(filesSource.describe({ paths: ['/a', '/b'] }), '/a, /b');
  assert.equal(filesSource.describe({ paths: ['/a', '/b', '/c', '/d', '/e'] }), '/a, /b, /c and 2 more');
});
