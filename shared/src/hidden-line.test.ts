import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { describe, it } from 'node:test';
import { readHiddenLine } from './hidden-line.ts';

/** A terminal in memory, which remembers in which modes it was. */
function openTerminal() {
  const modes: boolean[] = [];
  const events = new EventEmitter();
  const input = {
    setRawMode: (isRaw: boolean) => void modes.push(isRaw),
    on: events.on.bind(events),
    off: events.off.bind(events),
    resume: () => undefined,
    pause: () => undefined,
  };
  const type = (...pieces: (string | Uint8Array)[]) => {
    for (const piece of pieces) events.emit('data', piece);
  };
  return { input, type, modes, listeners: () => events.listenerCount('data') };
}

describe('A line that is not shown', () => {
  it('is what was typed to its end, with what was erased gone and keys that are no text passed over', async () => {
    for (const [pieces, expected] of [
      [['pass', 'word', '\r'], 'password'],
      [['of the cat\u007f\u007f\u007fdog\n'], 'of the dog'],
      [['wrong\u0015right\u0000\u0007\r'], 'right'],
      [['a', '\u001b[A', 'b\u0004'], 'ab'],
      [[Uint8Array.of(0xf0, 0x9f), Uint8Array.of(0xa6, 0x94), '\r'], '🦔'],
      [['\r'], ''],
    ] as const) {
      const terminal = openTerminal();
      const line = readHiddenLine(terminal.input);
      terminal.type(...pieces);
      assert.equal(await line, expected);
      assert.deepEqual([terminal.modes, terminal.listeners()], [[true, false], 0]);
    }
  });

  it('ends with Ctrl-C, and the terminal shows what is typed again', async () => {
    const terminal = openTerminal();
    const line = readHiddenLine(terminal.input);
    terminal.type('half\u0003');
    await assert.rejects(line, { code: 'cancelled' });
    assert.deepEqual([terminal.modes, terminal.listeners()], [[true, false], 0]);
  });
});
