import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { findSourceAdapter } from '../adapters/all.ts';
import { fitsDumpEngine, isGzip, listDumpModes, listDumpOptions, recogniseDump } from './dump-file.ts';

const PG = `--
-- PostgreSQL database dump
--

\\restrict 0bm7RZ

-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)
-- Dumped by pg_dump version 17.6

SET statement_timeout = 0;
`;
const MARIADB = `/*M!999999\\- enable the sandbox mode */ 
-- MariaDB dump 10.19  Distrib 10.11.14-MariaDB, for debian-linux-gnu (x86_64)
--
-- Host: localhost    Database: shop
-- ------------------------------------------------------
-- Server version	10.11.14-MariaDB-0+deb12u2
`;
const MYSQL = `-- MySQL dump 10.13  Distrib 8.0.36, for Linux (x86_64)
--
-- Host: localhost    Database: shop
-- ------------------------------------------------------
-- Server version	8.0.36
`;

/** The first bytes of an archive up to its format. */
const archive = (format: number) => `PGDMP\x01\x0e\0\x04\x08${String.fromCharCode(format)}`;
const noArchive = () => undefined;
const look = (head: string, inGzip = false) => recogniseDump(head, inGzip, noArchive);

describe('The first bytes of a file', () => {
  it('say what a plain dump is and where it came from', () => {
    const serverVersion = '15.18 (Debian 15.18-0+deb12u1)';
    assert.deepEqual(look(PG), { dump: { engine: 'postgres', format: 'plain', isGzip: false, serverVersion } });
    assert.deepEqual(look(PG.replaceAll('\n', '\r\n'), true), {
      dump: { engine: 'postgres', format: 'plain', isGzip: true, serverVersion },
    });
    assert.deepEqual(look(MARIADB), {
      dump: { engine: 'mariadb', format: 'plain', isGzip: false, serverVersion: '10.11.14-MariaDB-0+deb12u2' },
    });
    assert.deepEqual(look(MYSQL), { dump: { engine: 'mysql', format: 'plain', isGzip: false, serverVersion: '8.0.36' } });
  });

  it('take an old mysqldump of a MariaDB server for what it is', () => {
    const old = MYSQL.replace('8.0.36\n', '8.0.36\n').replace('Server version\t8.0.36', 'Server version\t10.1.48-MariaDB');
    assert.deepEqual(look(old), {
      dump: { engine: 'mariadb', format: 'plain', isGzip: false, serverVersion: '10.1.48-MariaDB' },
    });
  });

  it('take a dump of a MySQL server by MariaDB’s tool for one of MySQL, and one without a version by its tool', () => {
    const crossed = MARIADB.replace('10.11.14-MariaDB-0+deb12u2', '9.7.4-2');
    assert.deepEqual(look(crossed), { dump: { engine: 'mysql', format: 'plain', isGzip: false, serverVersion: '9.7.4-2' } });
    const nameless = MARIADB.replace(/-- Server version.*\n/, '');
    assert.deepEqual(look(nameless), { dump: { engine: 'mariadb', format: 'plain', isGzip: false } });
  });

  it('of a custom archive are read by its own reader', () => {
    assert.deepEqual(
      recogniseDump(archive(1), false, () => ({ serverVersion: '13.4' })),
      { dump: { engine: 'postgres', format: 'custom', isGzip: false, serverVersion: '13.4' } },
    );
    assert.match(JSON.stringify(look(archive(1))), /is none, or one of a version/);
  });

  it('refuse what cannot be restored, and say what it is', () => {
    const cases: [string, RegExp][] = [
      ['', /is empty/],
      ['PostgreSQL database dump, said nobody', /does not begin as a dump/],
      ['--\n-- PostgreSQL database cluster dump\n--\n', /pg_dumpall/],
      ['\x1f\x8b\x08\0', /gzip inside gzip/],
      ['\xfd7zXZ\0\0', /packed with xz/],
      ['\x28\xb5\x2f\xfd\0', /packed with zstd/],
      [archive(5), /format directory/],
      [`${'toc.dat'.padEnd(257, '\0')}ustar  \0`, /is a tar file/],
    ];
    for (const [head, words] of cases) {
      const found = look(head);
      assert.ok('refusal' in found, JSON.stringify(head));
      assert.match(found.refusal, words);
    }
  });

  it('hand on no version that is no plain word', () => {
    const hostile = look(PG.replace('15.18 (Debian 15.18-0+deb12u1)', '15\u001b[31m'));
    assert.deepEqual(hostile, { dump: { engine: 'postgres', format: 'plain', isGzip: false } });
  });

  it('tell gzip from the rest', () => {
    assert.equal(isGzip('\x1f\x8b\x08\0'), true);
    assert.equal(isGzip(PG), false);
  });
});

describe('A recognised dump', () => {
  const modesOf = (kind: string) => findSourceAdapter(kind)?.restore?.modes ?? [];

  it('goes to a server of its own engine, and from MySQL to MariaDB', () => {
    assert.equal(fitsDumpEngine({ engine: 'postgres' }, 'postgres'), true);
    assert.equal(fitsDumpEngine({ engine: 'mysql' }, 'mariadb'), true);
    assert.equal(fitsDumpEngine({ engine: 'mariadb' }, 'mysql'), false);
    assert.equal(fitsDumpEngine({ engine: 'postgres' }, 'files'), false);
  });

  it('offers the ways it can go', () => {
    assert.deepEqual(listDumpModes({ engine: 'postgres', format: 'plain' }, modesOf('postgres')), ['new', 'replace', 'append']);
    assert.deepEqual(listDumpModes({ engine: 'postgres', format: 'custom' }, modesOf('postgres')), modesOf('postgres'));
    assert.deepEqual(listDumpModes({ engine: 'mysql', format: 'plain' }, modesOf('mariadb')), modesOf('mariadb'));
    assert.deepEqual(listDumpModes({ engine: 'mysql', format: 'plain' }, modesOf('mysql')), ['new', 'replace']);
  });

  it('takes several connections only where the tool can jump about in it', () => {
    assert.deepEqual(listDumpOptions({ format: 'custom', isGzip: false }), { jobs: true, owners: true });
    assert.deepEqual(listDumpOptions({ format: 'custom', isGzip: true }), { jobs: false, owners: true });
    assert.deepEqual(listDumpOptions({ format: 'plain', isGzip: false }), { jobs: false, owners: false });
  });
});
