import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { listPorts, parseListen } from './control-plane.ts';

describe('The address of the demo', () => {
  it('is loopback with a port of its own choice unless told', () => {
    for (const nothing of [undefined, '']) assert.deepEqual(parseListen(nothing), { host: '127.0.0.1', port: undefined });
    assert.deepEqual(parseListen('0.0.0.0:9000'), { host: '0.0.0.0', port: 9000 });
  });

  it('is refused when it is not address:port', () => {
    for (const wrong of ['8080', 'localhost', '127.0.0.1:', '127.0.0.1:0', '127.0.0.1:65536', 'a b:1', 'http://a:1'])
      assert.throws(() => parseListen(wrong), /HOLDFAST_LISTEN/);
  });

  it('prefers the port of the last start, then 8080; a port that was asked for is the only one', () => {
    const loopback = { host: '127.0.0.1', port: undefined };
    assert.equal(listPorts(loopback, undefined)[0], 8080);
    assert.deepEqual(listPorts(loopback, 8083).slice(0, 3), [8083, 8080, 8081]);
    assert.equal(new Set(listPorts(loopback, 8083)).size, listPorts(loopback, 8083).length);
    assert.deepEqual(listPorts({ host: '127.0.0.1', port: 9 }, 8083), [9]);
  });
});
