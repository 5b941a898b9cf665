import assert from 'node:assert/strict';
import { BlockList } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { type HttpSink, startHttpSink } from './fixtures/http-sink.ts';
import { createGuardedHttp, isReachable, readRetryAfter } from './guarded-http.ts';

const LOOPBACK = { allowedCidrs: ['127.0.0.0/8'] } as const;

let sink: HttpSink;
before(async () => {
  sink = await startHttpSink();
});
after(() => sink.close());

describe('The guard of addresses', () => {
  const inner = [
    ...[
      '0.0.0.0',
      '10.1.2.3',
      '100.64.0.1',
      '127.0.0.1',
      '127.9.9.9',
      '169.254.169.254',
      '172.16.0.1',
      '172.31.255.255',
      '192.168.1.1',
    ],
    ...[
      '198.18.0.1',
      '224.0.0.1',
      '255.255.255.255',
      '::',
      '::1',
      '::ffff:127.0.0.1',
      '::ffff:a9fe:a9fe',
      '::127.0.0.1',
      'fe80::1',
    ],
    ...[
      'fe80::1%eth0',
      'fd00::1',
      'fc00::1',
      'fec0::1',
      'ff02::1',
      '64:ff9b::10.0.0.1',
      '2002:7f00:1::1',
      '2001:db8::1',
      'hostname',
      '',
    ],
  ];
  const outer = [
    '1.1.1.1',
    '8.8.8.8',
    '172.15.0.1',
    '172.32.0.1',
    '100.128.0.1',
    '2606:4700::1111',
    '64:ff9b::808:808',
    '::ffff:8.8.8.8',
  ];

  it('lets through what anybody on the internet could reach, and nothing inner in any dress', () => {
    const none = new BlockList();
    for (const address of inner) assert.equal(isReachable(address, none), false, address);
    for (const address of outer) assert.equal(isReachable(address, none), true, address);
  });

  it('lets through what its configuration names, also as a mapped address, and no neighbour of it', () => {
    const allowed = new BlockList();
    allowed.addSubnet('10.1.0.0', 16, 'ipv4');
    allowed.addSubnet('fd00:1::', 32, 'ipv6');
    for (const [address, isOpen] of [
      ['10.1.2.3', true],
      ['10.2.0.1', false],
      ['::ffff:10.1.2.3', true],
      ['fd00:1::5', true],
      ['fd00:2::5', false],
    ] as const)
      assert.equal(isReachable(address, allowed), isOpen, address);
  });

  it('refuses literal addresses in every spelling before anything is connected to', async () => {
    const http = createGuardedHttp();
    const count = sink.requests.length;
    for (const host of ['127.0.0.1', '2130706433', '0x7f000001', '0177.0.0.1', '127.1', '[::1]', '[::ffff:127.0.0.1]'])
      await assert.rejects(
        http.ask({ url: new URL(`http://${host}:${sink.port}/`), method: 'GET' }),
        { code: 'forbidden' },
        host,
      );
    assert.equal(sink.requests.length, count);
  });

  it('refuses a name with one inner address among others, and connects to what was judged and not to a second look-up', async () => {
    let asked = 0;
    const answers = [['8.8.8.8', '127.0.0.1'], ['127.0.0.1']];
    const resolve = async () => answers[asked++] ?? [];
    const url = new URL(`http://rebinding.example.test:${sink.port}/`);
    await assert.rejects(createGuardedHttp({ resolve }).ask({ url, method: 'GET' }), { code: 'forbidden' });
    const { status } = await createGuardedHttp({ ...LOOPBACK, resolve }).ask({ url, method: 'GET' });
    assert.deepEqual([status, asked], [204, 2]);
    assert.equal(sink.requests.at(-1)?.headers.host, `rebinding.example.test:${sink.port}`);
    await assert.rejects(createGuardedHttp({ ...LOOPBACK, resolve }).ask({ url, method: 'GET' }), { code: 'unavailable' });
  });
});

describe('The exchange', () => {
  it('follows no redirect, reads little of an answer, and ends in time', async () => {
    const http = createGuardedHttp({ ...LOOPBACK, timeoutMs: 300, answerBytes: 1000 });
    const url = new URL(sink.url);
    sink.answer = (response) => response.writeHead(302, { location: 'http://169.254.169.254/' }).end();
    assert.equal((await http.ask({ url, method: 'GET' })).status, 302);
    let isCut = false;
    sink.answer = (response) => {
      response.once('close', () => {
        isCut = true;
      });
      response.writeHead(200);
      const fill = () => {
        while (!response.destroyed && response.write('x'.repeat(65_536)));
        response.once('drain', fill);
      };
      fill();
    };
    assert.equal((await http.ask({ url, method: 'GET' })).status, 200);
    for (let turn = 0; turn < 1000 && !isCut; turn += 1) await new Promise(setImmediate);
    assert.ok(isCut);
    sink.answer = 'hang';
    await assert.rejects(http.ask({ url, method: 'POST', body: '{}' }), { message: 'it did not answer in time' });
  });

  it('counts a look-up that hangs, and is ended when the server ends', async () => {
    const hanging = () => new Promise<readonly string[]>(() => undefined);
    const url = new URL('http://slow.example.test/');
    await assert.rejects(createGuardedHttp({ resolve: hanging, timeoutMs: 50 }).ask({ url, method: 'GET' }), {
      code: 'unavailable',
    });
    const http = createGuardedHttp({ resolve: hanging });
    const asked = http.ask({ url, method: 'GET' });
    http.close();
    await assert.rejects(asked, { code: 'unavailable' });
  });

  it('takes the wish to be asked later, as seconds or as a date, for a day at most', () => {
    const now = Date.parse('2026-11-20T09:00:00Z');
    assert.equal(readRetryAfter('120', now), 120_000);
    assert.equal(readRetryAfter('Fri, 20 Nov 2026 09:05:00 GMT', now), 300_000);
    assert.equal(readRetryAfter('999999999', now), 86_400_000);
    for (const none of [undefined, '', '0', 'soon', 'Fri, 20 Nov 2026 08:00:00 GMT'])
      assert.equal(readRetryAfter(none, now), undefined);
  });
});
