/**
 * A program of its own, so that it takes no time from those who measure: one enrolled agent that sends as many messages a second as it is
 * told, whether anybody can take them or not. `sender.ts <orders>` reads a file with its keys and what to do, prints `flooding` when it begins,
 * and at the end one line of JSON with what became of it.
 */
import { readFileSync } from 'node:fs';
import { startLightAgent } from '../../light-agent.ts';
import type { LightIdentity } from '../../light-enrolment.ts';

export type FloodOrders = {
  readonly identity: Omit<LightIdentity, 'signing' | 'sealing'> & {
    readonly signing: { readonly publicKey: string; readonly secretKey: string };
  };
  readonly serverUrl: string;
  readonly messagesPerSecond: number;
  readonly seconds: number;
};

export type FloodReport = {
  /** Messages that were due by the rate. */
  readonly offered: number;
  /** Of them, those the socket had room for. */
  readonly sent: number;
  /** Of them, those the server had handled and acknowledged at the end of the flood. */
  readonly acknowledged: number;
  /** The flood's own length, which a busy machine may stretch. */
  readonly seconds: number;
  readonly goodbyes: readonly string[];
};

/** What the sender keeps besides the kernel; beyond it a message is offered and not sent. */
const BUFFERED_BYTES = 1024 * 1024;
const TICK_MS = 5;
const EPOCH = 'epoch-of-the-flood';

async function flood({ identity, serverUrl, messagesPerSecond, seconds }: FloodOrders): Promise<FloodReport> {
  let acknowledged = 0;
  const { signing } = identity;
  const keys = { publicKey: signing.publicKey, secretKey: Buffer.from(signing.secretKey, 'base64') };
  const agent = startLightAgent(
    { ...identity, signing: keys, sealing: keys },
    {
      serverUrl: () => serverUrl,
      random: () => 0.5,
      onFrame(frame) {
        if (frame.type === 'ack' && frame.body.epoch === EPOCH) acknowledged = Math.max(acknowledged, frame.body.through);
      },
    },
  );
  await agent.awaitWelcome(30_000);
  process.stdout.write('flooding\n');
  const startedAt = performance.now();
  let offered = 0;
  let sent = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setInterval(() => {
    const elapsedMs = performance.now() - startedAt;
    const due = Math.floor((Math.min(elapsedMs, seconds * 1000) * messagesPerSecond) / 1000);
    for (; offered < due; offered += 1) {
      if (agent.bufferedBytes > BUFFERED_BYTES || !agent.sendRaw(buildMessage(sent + 1))) continue;
      sent += 1;
    }
    if (elapsedMs >= seconds * 1000) resolve();
  }, TICK_MS);
  await promise;
  clearInterval(timer);
  const report = { offered, sent, acknowledged, seconds: (performance.now() - startedAt) / 1000, goodbyes: [...agent.goodbyes] };
  await agent.stop();
  return report;
}

/** A durable event, because it costs the server most: a transaction with everything that belongs to it. */
function buildMessage(seq: number): string {
  const event = { type: 'host.notice', at: Date.now(), level: 'info', text: `flood ${seq}` };
  return JSON.stringify({ v: 1, id: `f_${seq}`, type: 'events', at: event.at, body: { epoch: EPOCH, events: [{ seq, event }] } });
}

const [orders] = process.argv.slice(2);
if (import.meta.main) {
  if (orders === undefined) throw new Error('sender.ts needs a file with its orders');
  process.stdout.write(`${JSON.stringify(await flood(JSON.parse(readFileSync(orders, 'utf8')) as FloodOrders))}\n`);
}
