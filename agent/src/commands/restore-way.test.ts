import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RESTORE_MODES } from '@holdfast/shared/domain/restore.ts';
import { decideWay } from './restore-way.ts';
import type { RestoreWishes } from './restore-wishes.ts';

/** As the command line hands them over. */
const BASE: RestoreWishes = { snapshot: 'latest', owners: true, safetyBackup: true };
const decide = (kind: string, wishes: RestoreWishes) => decideWay({ ...BASE, ...wishes }, kind, 'web-1');

function refuse(kind: string, wishes: RestoreWishes, message: RegExp): void {
  assert.throws(() => decide(kind, wishes), { code: 'invalid', message }, JSON.stringify(wishes));
}

describe('A restore of a database by hand', () => {
  const over: RestoreWishes = { toDatabase: 'shop', understood: true, confirm: 'shop' };

  it('goes under a new name unless a mode is given', () => {
    assert.deepEqual(decide('postgres', { toDatabase: 'shop_2' }), {
      kind: 'database',
      database: 'shop_2',
      mode: 'new',
      tables: [],
    });
    refuse('postgres', {}, /say under which new name with --to-database NAME/);
    refuse('postgres', { toDatabase: 'a\nb' }, /--to-database must be one line/);
    refuse('postgres', { toDatabase: 'x'.repeat(256) }, /at most 255 letters/);
    refuse('postgres', { toDatabase: 'shop', mode: 'overwrite' }, /--mode must be one of new, replace, clean, append/);
  });

  it('changes what exists only when that is said twice: the consent, and the name itself', () => {
    for (const mode of ['replace', 'clean', 'append', 'data_only'] as const) {
      assert.equal(decide('mariadb', { ...over, mode }).kind, 'database', mode);
      refuse('mariadb', { toDatabase: 'shop', mode }, /changes what is in the database shop: say --understood/);
      refuse('mariadb', { toDatabase: 'shop', mode, confirm: 'shop' }, /say --understood/);
      refuse('mariadb', { toDatabase: 'shop', mode, understood: true }, /once more with --confirm NAME/);
      for (const confirm of ['', 'Shop', 'shop ', 'web-1']) refuse('mariadb', { ...over, mode, confirm }, /--confirm must be/);
    }
    for (const mode of RESTORE_MODES.filter((one) => one === 'new' || one === 'schema_only'))
      assert.equal(decide('postgres', { toDatabase: 'shop', mode }).kind, 'database', mode);
  });

  it('takes chosen tables with their schema where the engine has schemas', () => {
    const table = ['sales.orders', 'items', '.odd'];
    const inPostgres = decide('postgres', { ...over, mode: 'tables', table });
    assert.ok(inPostgres.kind === 'database');
    assert.deepEqual(inPostgres.tables, [{ schema: 'sales', name: 'orders' }, { name: 'items' }, { name: '.odd' }]);
    const inMariadb = decide('mariadb', { ...over, mode: 'tables', table });
    assert.ok(inMariadb.kind === 'database');
    assert.deepEqual(inMariadb.tables[0], { name: 'sales.orders' });
    refuse('postgres', { ...over, mode: 'tables' }, /needs the tables, each with --table NAME/);
    refuse('postgres', { ...over, mode: 'clean', table }, /--table is for --mode tables/);
    refuse('postgres', { ...over, mode: 'tables', table: [''] }, /--table takes the name of a table/);
    refuse('postgres', { ...over, mode: 'tables', table: ['a.'] }, /--table takes the name of a table/);
  });

  it('passes over nothing in silence that is meant for files', () => {
    const toDatabase = 'shop_2';
    refuse('postgres', { toDatabase, to: '/restore' }, /^--to is for files, and this is a database$/);
    refuse('postgres', { toDatabase, inPlace: true }, /^--in-place is for files/);
    refuse('postgres', { toDatabase, toFile: '/x' }, /^--to-file is for files/);
    refuse('postgres', { toDatabase, path: ['/x'] }, /^--path is for files/);
  });
});

describe('A restore of files by hand', () => {
  it('goes into a directory, whole or in part', () => {
    assert.deepEqual(decide('files', { to: '/restore' }), { kind: 'directory', path: '/restore' });
    assert.deepEqual(decide('files', { to: 'here', path: ['/srv/a', '/srv/a/b', '/srv/c'] }), {
      kind: 'directory',
      path: `${process.cwd()}/here`,
      paths: ['/srv/a', '/srv/c'],
    });
  });

  it('goes in place only for named paths, and with the name of the host', () => {
    const wishes = { inPlace: true, path: ['/srv/a'] };
    assert.deepEqual(decide('files', { ...wishes, confirm: 'web-1' }), { kind: 'in_place', paths: ['/srv/a'] });
    refuse('files', wishes, /give the name of this host, web-1, with --confirm NAME/);
    for (const confirm of ['', 'web-2', 'WEB-1']) refuse('files', { ...wishes, confirm }, /give the name of this host/);
    refuse('files', { inPlace: true, confirm: 'web-1' }, /--in-place needs --path/);
  });

  it('becomes one new file: a file as it is, a directory as an archive', () => {
    const wishes = { toFile: '/tmp/out', path: ['/srv/a'] };
    assert.deepEqual(decide('files', wishes), { kind: 'file', path: '/tmp/out', from: '/srv/a' });
    const archive = { kind: 'archive', path: '/tmp/out', format: 'zip', from: '/srv/a' };
    assert.deepEqual(decide('files', { ...wishes, archive: 'zip' }), archive);
    refuse('files', { ...wishes, archive: 'rar' }, /--archive must be one of tar, zip/);
    refuse('files', { to: '/x', archive: 'tar' }, /--archive goes with --to-file/);
    refuse('files', { toFile: '/tmp/out' }, /takes one --path/);
    refuse('files', { toFile: '/tmp/out', path: ['/srv/a', '/srv/b'] }, /takes one --path/);
  });

  it('is refused for two places, for none, for a path that is none, and for what databases alone know', () => {
    refuse('files', {}, /say where to with --to DIRECTORY, --to-file FILE or --in-place/);
    refuse('files', { to: '/x', inPlace: true }, /--to and --in-place are two places/);
    refuse('files', { to: '/x', path: ['relative'] }, /^--path: /);
    refuse('files', { to: '/x', path: ['/srv/../etc'] }, /^--path: /);
    refuse('files', { to: '/x', toDatabase: 'shop' }, /^--to-database is for databases, and this source is a tree of files$/);
    refuse('files', { to: '/x', mode: 'replace' }, /^--mode is for databases/);
    refuse('files', { to: '/x', safetyBackup: false }, /^--no-safety-backup goes with --in-place, or with a database$/);
    refuse('files', { to: '/x', owners: false }, /^--no-owners is for databases/);
    refuse('files', { to: '/x', connectAs: 'postgres' }, /^--connect-as is for databases/);
    refuse('files', { to: '/x', confirm: 'web-1' }, /^--confirm goes with --in-place, or with a database$/);
  });
});
