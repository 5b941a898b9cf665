import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createServer, type Server } from 'node:tls';
import { createCertificateWatch, findCopyTimes, noteCopy, readCertificateEnd } from './own-facts.ts';

const DAY = 24 * 3_600_000;
let directory: string;
before(() => {
  directory = mkdtempSync(join(tmpdir(), 'holdfast-own-'));
});
after(() => rmSync(directory, { recursive: true }));

describe('Copies of the server’s database', () => {
  it('are remembered by their time, for the owner alone', async () => {
    const database = join(directory, 'holdfast.db');
    assert.deepEqual(await findCopyTimes(directory, database), {});
    writeFileSync(database, '');
    const at = Date.UTC(2026, 10, 20, 9);
    noteCopy(directory, at);
    noteCopy(directory, at + 1000);
    const { copiedAt, bornAt } = await findCopyTimes(directory, database);
    assert.equal(copiedAt, at + 1000);
    assert.equal(typeof bornAt, 'number');
    assert.equal(noteCopy(join(directory, 'not-there'), at), false);
    assert.equal(statSync(join(directory, 'last-copy')).mode & 0o777, 0o600);
  });
});

describe('The certificate of the server', () => {
  let server: Server;
  let url: string;
  before(async () => {
    const [key, cert] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
    const subject = ['-subj', '/CN=backup.example.test', '-days', '9', '-nodes'];
    execFileSync(
      'openssl',
      ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-keyout', key, '-out', cert, ...subject],
      {
        stdio: 'ignore',
      },
    );
    server = createServer({ key: readFileSync(key), cert: readFileSync(cert) });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(() => server.close());

  it('is read at its own address, trusted or not', async () => {
    const endsAt = await readCertificateEnd(new URL(url));
    assert.ok(endsAt !== undefined && Math.abs(endsAt - Date.now() - 9 * DAY) < DAY);
  });

  it('is unknown where there is none or nobody answers', async () => {
    assert.equal(await readCertificateEnd(new URL('http://127.0.0.1:1')), undefined);
    assert.equal(await readCertificateEnd(new URL('https://127.0.0.1:1')), undefined);
  });

  it('is asked for a few times a day', async () => {
    let atMs = 0;
    const watch = createCertificateWatch({ monotonicMs: () => atMs }, url);
    const first = watch();
    assert.equal(watch(), first);
    atMs = DAY;
    assert.notEqual(watch(), first);
    assert.equal(await watch(), await first);
  });
});
