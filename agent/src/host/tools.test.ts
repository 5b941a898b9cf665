import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { TOOLS, type ToolName } from '@holdfast/shared/adapters/command.ts';
import { toolReportSchema } from '@holdfast/shared/protocol/messages.ts';
import { createExec } from '../exec/exec.ts';
import { parseToolVersion, takeInventory } from './tools.ts';

describe('the version a tool tells', () => {
  const rows: readonly (readonly [ToolName, string, string | undefined])[] = [
    ['restic', 'restic 0.14.0 compiled with go1.19.8 on linux/amd64\n', '0.14.0'],
    ['restic', 'restic 0.18.0 compiled with go1.24.4 on linux/amd64', '0.18.0'],
    ['pg_dump', 'pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)', '15.18'],
    ['psql', 'psql (PostgreSQL) 18beta1', '18beta1'],
    ['mariadb-dump', 'mariadb-dump  Ver 10.19 Distrib 10.11.19-MariaDB, for debian-linux-gnu (x86_64)', '10.11.19-MariaDB'],
    ['mariadb', 'mariadb from 11.8.2-MariaDB, client 15.2 for debian-linux-gnu (x86_64)', '11.8.2-MariaDB'],
    ['mysqldump', '/usr/bin/mysqldump  Ver 9.7.4-2 for Linux on x86_64 ((Debian))', '9.7.4'],
    ['mysql', 'mysql  Ver 8.0.36-28 for Linux on x86_64 (Percona Server (GPL), Release 28)', '8.0.36'],
    ['mysql', 'mysql  Ver 15.1 Distrib 10.11.19-MariaDB, for debian-linux-gnu (x86_64) using  EditLine wrapper', undefined],
    ['mysqldump', 'mysqldump from 11.8.2-MariaDB, client 10.19 for debian-linux-gnu (x86_64)', undefined],
    ['mysqldump', 'mysqldump  Ver 10.13 Distrib 5.7.44, for Linux (x86_64)', undefined],
    ['ssh', 'OpenSSH_9.2p1 Debian-2+deb12u10, OpenSSL 3.0.19 27 Jan 2026', '9.2p1'],
    ['restic', 'unknown flag: --version', undefined],
    ['pg_dump', '', undefined],
  ];
  for (const [tool, text, version] of rows) {
    it(`is ${version} for ${tool} saying "${text.slice(0, 40).trim()}"`, () =>
      assert.equal(parseToolVersion(tool, text), version));
  }
});

describe('the inventory of a host', () => {
  let dir: string;
  const exec = createExec({
    environment: { path: '/usr/bin:/bin', home: '/nonexistent', tmpDir: tmpdir() },
    setpriv: '/usr/bin/setpriv',
    cancelGraceMs: 200,
  });
  const writeProgram = (folder: string, name: string, script: string) => {
    mkdirSync(join(dir, folder), { recursive: true });
    writeFileSync(join(dir, folder, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(dir, folder, name), 0o755);
  };
  const take = (path: readonly string[], more: { timeoutMs?: number } = {}) =>
    takeInventory({
      exec,
      workDir: dir,
      path: path.map((folder) => (folder.startsWith('.') ? folder : join(dir, folder))).join(':'),
      postgresFolder: join(dir, 'postgresql'),
      ...more,
    });

  before(() => {
    dir = mkdtempSync(join(tmpdir(), 'inventory-'));
    for (const major of [13, 15, 9]) {
      writeProgram(`postgresql/${major}/bin`, 'pg_dump', `echo "pg_dump (PostgreSQL) ${major}.4"`);
    }
    writeProgram('bin', 'restic', 'echo "restic 0.16.2 compiled with go1.21"');
    writeProgram('first', 'restic', 'echo "restic 0.18.0 compiled with go1.24"');
    writeProgram('old', 'restic', 'echo "restic 0.12.1 compiled with go1.15"');
    writeProgram('broken', 'restic', 'echo "cannot execute" >&2; exit 127');
    writeProgram('slow', 'restic', 'sleep 30');
    writeProgram('bin', 'ssh', 'echo "OpenSSH_9.2p1 Debian" >&2');
    writeProgram('share', 'pg_wrapper', 'echo "pg_dump (PostgreSQL) 99.0"');
    symlinkSync(join(dir, 'share/pg_wrapper'), join(dir, 'bin/pg_dump'));
    mkdirSync(join(dir, 'bin/mariadb'));
    writeFileSync(join(dir, 'bin/psql'), 'not executable');
  });
  after(() => rmSync(dir, { recursive: true, force: true }));

  it('has every known tool in reports that may go over the wire, with advice for the missing', async () => {
    const inventory = await take([]);
    assert.deepEqual(new Set(inventory.reports.map((report) => report.tool)), new Set(TOOLS));
    for (const report of inventory.reports) {
      toolReportSchema.parse(report);
      if (report.tool === 'pg_dump') continue;
      assert.equal(report.found, false);
      assert.match(report.advice ?? '', /Install the Debian package/);
    }
    assert.match(inventory.findAdvice('restic') ?? '', /restic/);
  });

  it('finds all majors of PostgreSQL, newest first, and never the wrapper', async () => {
    const inventory = await take(['bin']);
    const versions = inventory.reports.filter((report) => report.tool === 'pg_dump').map((report) => report.version);
    assert.deepEqual(versions, ['15.4', '13.4', '9.4']);
    assert.equal(inventory.find('pg_dump')?.version, '15.4');
    assert.equal(inventory.find('pg_dump', { serverVersion: '13.9' })?.version, '13.4');
    assert.equal(inventory.find('pg_dump', { serverVersion: '14.1' })?.version, '15.4');
    assert.equal(inventory.find('pg_dump', { serverVersion: '16.0' }), undefined);
  });

  it('knows programs of MariaDB under MySQL’s names, and misses MySQL’s only where MariaDB’s are missing too', async () => {
    writeProgram('both', 'mariadb', 'echo "mariadb from 11.8.2-MariaDB, client 15.2"');
    symlinkSync(join(dir, 'both/mariadb'), join(dir, 'both/mysql'));
    writeProgram('both', 'mysqldump', 'echo "mysqldump  Ver 10.19 Distrib 10.11.19-MariaDB, for debian-linux-gnu (x86_64)"');
    const inventory = await take(['both']);
    assert.equal(inventory.find('mariadb')?.version, '11.8.2-MariaDB');
    assert.deepEqual([inventory.find('mysql'), inventory.find('mysqldump')], [undefined, undefined]);
    const missing = inventory.reports.filter(({ found }) => !found).map(({ tool }) => tool);
    assert.deepEqual([missing.includes('mysql'), missing.includes('mysqldump')], [false, true]);
    writeProgram('own', 'mysql', 'echo "mysql  Ver 9.7.4-2 for Linux on x86_64 ((Debian))"');
    assert.equal((await take(['own', 'both'])).find('mysql')?.version, '9.7.4');
  });

  it('takes the program in the folder that is named first', async () => {
    const inventory = await take(['first', 'bin']);
    assert.equal(inventory.find('restic')?.path, join(dir, 'first/restic'));
    assert.equal((await take(['bin'])).find('restic')?.version, '0.16.2');
  });

  it('passes over a program that does not run, and over a folder and a plain file of that name', async () => {
    const inventory = await take(['broken', 'bin']);
    assert.equal(inventory.find('restic')?.path, join(dir, 'bin/restic'));
    assert.equal(inventory.find('mariadb'), undefined);
    assert.equal(inventory.find('psql'), undefined);
    assert.match((await take(['broken'])).findAdvice('restic') ?? '', /does not run/);
  });

  it('does not wait for a program that never answers', async () => {
    const inventory = await take(['slow'], { timeoutMs: 300 });
    assert.equal(inventory.find('restic'), undefined);
  });

  it('reports a restic that is too old, with advice', async () => {
    const inventory = await take(['old']);
    const report = inventory.reports.find((entry) => entry.tool === 'restic');
    assert.equal(report?.found, true);
    assert.match(report.advice ?? '', /too old/);
  });

  it('reads the version ssh prints on stderr', async () => {
    assert.equal((await take(['bin'])).find('ssh')?.version, '9.2p1');
  });

  it('does not search relative folders', async () => {
    const inventory = await take(['./bin', '.']);
    assert.equal(inventory.find('restic'), undefined);
  });
});
