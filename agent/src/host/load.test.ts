import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { AGENT_FRAMES, hostFactsSchema } from '@holdfast/shared/protocol/messages.ts';
import { openHostLoad, readHostFacts } from './facts.ts';
import { computeBusyRatio, parseMemory, parseProcessorTicks } from './load.ts';
import { parseOsRelease, readOsName } from './os-name.ts';

describe('processor time', () => {
  it('counts waiting for disks as idle, stolen time as busy and guests once', () => {
    const stat = 'cpu  100 20 30 700 50 5 5 90 40 10\ncpu0 1 2 3 4\nintr 5\n';
    assert.deepEqual(parseProcessorTicks(stat), { busy: 250, total: 1000 });
  });

  it('reads what an old kernel tells, and nothing from other text', () => {
    assert.deepEqual(parseProcessorTicks('cpu  1 2 3 4\n'), { busy: 6, total: 10 });
    assert.equal(parseProcessorTicks('cpu0 1 2 3 4\n'), undefined);
    assert.equal(parseProcessorTicks(''), undefined);
  });

  it('is a share between two looks that stays between 0 and 1', () => {
    assert.equal(computeBusyRatio({ busy: 10, total: 100 }, { busy: 35, total: 200 }), 0.25);
    assert.equal(computeBusyRatio({ busy: 10, total: 100 }, { busy: 10, total: 100 }), 0);
    // Counters of a processor that was taken out may fall.
    assert.equal(computeBusyRatio({ busy: 10, total: 100 }, { busy: 5, total: 120 }), 0);
    assert.equal(computeBusyRatio({ busy: 10, total: 100 }, { busy: 200, total: 120 }), 1);
  });
});

describe('memory', () => {
  it('is used when it is not available', () => {
    const text = 'MemTotal:       16000 kB\nMemFree:         1000 kB\nMemAvailable:    6000 kB\n';
    assert.deepEqual(parseMemory(text), { usedBytes: 10_000 * 1024, totalBytes: 16_000 * 1024 });
    assert.equal(parseMemory('MemTotal:       16000 kB\n'), undefined);
  });
});

describe('the name of the system', () => {
  const rows: readonly (readonly [string, string | undefined])[] = [
    [
      'NAME="Debian GNU/Linux"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_ID="12"\n',
      'Debian GNU/Linux 12 (bookworm)',
    ],
    ['NAME=Fedora\nVERSION_ID=44\n', 'Fedora 44'],
    ["NAME='Arch Linux'\n", 'Arch Linux'],
    ['PRETTY_NAME="A \\"quoted\\" \\$name"\n', 'A "quoted" $name'],
    ['# nothing\n', undefined],
    ['', undefined],
  ];
  for (const [text, expected] of rows) {
    it(`is ${expected ?? 'unknown'} in ${JSON.stringify(text).slice(0, 40)}`, () => assert.equal(parseOsRelease(text), expected));
  }

  it('comes from the first place that has one, and is the kernel’s where none has', () => {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-os-'));
    writeFileSync(join(folder, 'here'), 'NAME=Here\n');
    assert.equal(readOsName([join(folder, 'absent'), join(folder, 'here')]), 'Here');
    assert.equal(readOsName([join(folder, 'absent')]), 'Linux');
    rmSync(folder, { recursive: true });
  });
});

describe('this machine', () => {
  it('has facts that fit the frame', () => {
    const facts = readHostFacts({ now: Date.now }, '1.2.3', true);
    assert.deepEqual(hostFactsSchema.parse(facts), facts);
    assert.equal(facts.memoryBytes, totalmem());
    assert.ok(facts.cpus > 0 && facts.bootedAt > 0 && facts.bootedAt <= Date.now());
  });

  it('has a load that fits the heartbeat, look after look', async () => {
    const look = openHostLoad(tmpdir());
    const counts = { loopLagMs: 0, outboxEvents: 0, outboxBytes: 0, activeRuns: 0, queuedRuns: 0 };
    for (let looks = 0; looks < 3; looks += 1) {
      const load = await look();
      assert.deepEqual(AGENT_FRAMES.heartbeat.parse({ ...load, ...counts }), { ...load, ...counts });
      assert.ok(load.memoryUsedBytes > 0 && load.memoryUsedBytes <= load.memoryTotalBytes);
    }
  });

  it('tells of memory and disk what the kernel says at the same moment, within a tenth', async () => {
    const load = await openHostLoad(tmpdir())();
    const figures = new Map(
      [...readFileSync('/proc/meminfo', 'utf8').matchAll(/^(\w+): +(\d+) kB$/gm)].map(([, name, kib]) => [
        name,
        Number(kib) * 1024,
      ]),
    );
    const [total = 0, available = 0] = [figures.get('MemTotal'), figures.get('MemAvailable')];
    const disk = statfsSync(tmpdir());
    assert.equal(load.memoryTotalBytes, total);
    assert.ok(Math.abs(load.memoryUsedBytes - (total - available)) <= total / 10);
    assert.ok(Math.abs(load.stateDiskFreeBytes - disk.bavail * disk.bsize) <= (disk.blocks * disk.bsize) / 10);
  });
});
