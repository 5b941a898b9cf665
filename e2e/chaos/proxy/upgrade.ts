/** Sees on a connection whether and where HTTP turns into WebSocket. */

export type UpgradeWatch = {
  /** How many of these bytes, from the start, are not frames. Chunks are given in their order. */
  countPlainUp(chunk: Buffer): number;
  countPlainDown(chunk: Buffer): number;
};

const REQUEST = /^GET [^\r\n]+ HTTP\/1\.1\r\n/;
const UPGRADE = /\r\nupgrade:[ \t]*websocket[ \t]*\r\n/i;
const SWITCHING = /^HTTP\/1\.1 101[ \r]/;
const HEAD_END = '\r\n\r\n';

/**
 * Looks at the first request of a connection and the first response to it, each at most `headBytes` long: an upgrade after
 * other requests is not seen, nor anything inside TLS. The client sends its first frame only when it has seen the answer,
 * as RFC 6455 tells it to.
 */
export function createUpgradeWatch(headBytes: number): UpgradeWatch {
  const request = createHead(headBytes);
  const response = createHead(headBytes);
  let state: 'opening' | 'plain' | 'frames' = 'opening';
  return {
    countPlainUp(chunk) {
      if (state === 'frames') return 0;
      if (state === 'opening') {
        request.add(chunk);
        if (request.state === 'whole' ? !isUpgrade(request.text) : !mayBecomeRequest(request.text)) state = 'plain';
        if (request.state === 'tooLong') state = 'plain';
      }
      return chunk.length;
    },
    countPlainDown(chunk) {
      if (state === 'frames') return 0;
      if (state === 'plain') return chunk.length;
      const plain = response.add(chunk);
      if (response.state === 'open') return chunk.length;
      const isAccepted = request.state === 'whole' && response.state === 'whole' && SWITCHING.test(response.text);
      state = isAccepted ? 'frames' : 'plain';
      return isAccepted ? plain : chunk.length;
    },
  };
}

type Head = {
  /** How many of these bytes belong to the head. */
  add(chunk: Buffer): number;
  readonly text: string;
  readonly state: 'open' | 'whole' | 'tooLong';
};

function createHead(headBytes: number): Head {
  let text = '';
  let state: Head['state'] = 'open';
  return {
    add(chunk) {
      if (state !== 'open') return 0;
      const before = text.length;
      text += chunk.toString('latin1');
      const end = text.indexOf(HEAD_END, Math.max(0, before - HEAD_END.length));
      if (end >= 0) {
        state = 'whole';
        text = text.slice(0, end + HEAD_END.length);
      } else if (text.length > headBytes) state = 'tooLong';
      return text.length - before;
    },
    get text() {
      return text;
    },
    get state() {
      return state;
    },
  };
}

function isUpgrade(head: string): boolean {
  return REQUEST.test(head) && UPGRADE.test(head);
}

function mayBecomeRequest(text: string): boolean {
  return text.startsWith('GET '.slice(0, text.length));
}
