/** Rounds of abuse against a server's door: a few lines of one host, one after the other, each frame judged by what the server does. */
import type { Seed } from '../../seed.ts';
import { ABUSES, KNOCKS } from './abuses.ts';
import { type Bender, judgeAgentFrame } from './bent-frames.ts';
import { dialRaw, type LineEnd, type RawLine } from './raw-line.ts';
import { ANSWER_MS, buildText, findFrame, type Intruder, openChallenged, openWelcomed } from './welcomed-line.ts';

export type Round = {
  readonly port: number;
  readonly intruder: Intruder;
  readonly bend: Bender;
  /** The stream of this round alone. */
  readonly seed: Seed;
  /** How long the server may take for anything; its own 30 seconds unless told. */
  readonly answerMs?: number;
  /** One try, with what was wrong about the server's conduct. */
  count(what: string, problem?: string | undefined): void;
};

/** Bent frames of a round. What ends a line comes last on it, so each further one of these gets a line of its own. */
const BENT = 24;
const ABUSES_IN_ROUND = 3;
/** Of frames that end a line, those that come before the hello; the rest comes behind the welcome. */
const EARLY = 0.9;

export async function carryOutRound(round: Round): Promise<void> {
  const { bend, seed } = round;
  const closing: { bytes: Uint8Array; code: number }[] = [];
  const open: Uint8Array[] = [];
  for (let index = 0; index < BENT; index += 1) {
    const bytes = bend(seed.fork(`frame ${index}`));
    const verdict = judgeAgentFrame(bytes);
    if (verdict.kind === 'closes') closing.push({ bytes, code: verdict.code });
    else open.push(bytes);
  }
  const isEarly = closing.map(() => seed.chance(EARLY));
  await sendOpen(
    round,
    open,
    closing.find((_, index) => !isEarly[index]),
  );
  for (const [index, { bytes, code }] of closing.entries()) {
    // A hello that could be read is refused for its proof.
    if (isEarly[index]) await sendEarly(round, bytes, code);
  }
  // Nothing but a hello counts before the hello, however good it is.
  const early = seed.fork('early').pick(open.length > 0 ? open : [Buffer.from('{}')]);
  await sendEarly(round, early, 1008);
  for (let index = 0; index < ABUSES_IN_ROUND; index += 1) await sendAbuse(round, seed.fork(`abuse ${index}`));
  await knock(round, seed.fork('knock'));
}

/** Frames that leave a line open go on one, and one that ends it may follow. */
async function sendOpen(round: Round, open: readonly Uint8Array[], last?: { bytes: Uint8Array; code: number }): Promise<void> {
  const { answerMs = ANSWER_MS } = round;
  const line = await openWelcomed(round.port, round.intruder);
  for (const bytes of open) {
    const verdict = judgeAgentFrame(bytes);
    line.write(buildText(bytes));
    if (verdict.kind !== 'answered') {
      round.count(
        'bent frame, ignored',
        (await line.awaitPong(answerMs)) ? undefined : describeEnd(bytes, await line.ended, 'read on'),
      );
      continue;
    }
    const answer = await line.awaitText((text) => (readReference(text) === verdict.id ? text : undefined), answerMs);
    if (answer !== undefined) {
      round.count('bent frame, answered');
      continue;
    }
    const end = await line.ended;
    const isRight = verdict.mayClose && end.code === 1008;
    round.count('bent frame, answered', isRight ? undefined : describeEnd(bytes, end, 'answer it'));
    return;
  }
  if (last === undefined) line.drop();
  else {
    line.write(buildText(last.bytes));
    round.count('bent frame behind the welcome', await judgeEnd(line, last.bytes, [last.code], answerMs));
  }
}

async function sendEarly(round: Round, bytes: Uint8Array, code: number): Promise<void> {
  const { line } = await openChallenged(round.port, round.intruder);
  line.write(buildText(bytes));
  round.count('bent frame before the hello', await judgeEnd(line, bytes, [code], round.answerMs));
}

async function sendAbuse({ port, intruder, count, answerMs }: Round, seed: Seed): Promise<void> {
  const abuse = seed.pick(ABUSES);
  const bytes = abuse.build(seed);
  const line = seed.chance(0.1) ? await openWelcomed(port, intruder) : (await openChallenged(port, intruder)).line;
  line.write(bytes);
  if (abuse.isCutShort) line.finish();
  count(abuse.name, await judgeEnd(line, bytes, abuse.codes, answerMs));
}

async function knock({ port, intruder, count, answerMs }: Round, seed: Seed): Promise<void> {
  const one = seed.pick(KNOCKS);
  const bytes = one.build(seed, intruder.identity.token);
  const { status } = await awaitEnd(dialRaw(port, '', bytes), answerMs);
  const isRight = one.statuses.includes(status);
  count(`door: ${one.name}`, isRight ? undefined : `${one.name} was answered with ${status}: ${quote(bytes)}`);
}

async function judgeEnd(
  line: RawLine,
  bytes: Uint8Array,
  codes: readonly (number | undefined)[],
  answerMs?: number | undefined,
): Promise<string | undefined> {
  const end = await awaitEnd(line, answerMs);
  return codes.includes(end.code) ? undefined : describeEnd(bytes, end, `end with ${codes.join(' or ')}`);
}

/** A line that stays open is ended here, without a code. */
async function awaitEnd(line: RawLine, answerMs = ANSWER_MS): Promise<LineEnd> {
  await line.awaitText(() => undefined, answerMs).catch(() => line.drop());
  return await line.ended;
}

const quote = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64').slice(0, 400);

function describeEnd(bytes: Uint8Array, { code, status }: LineEnd, due: string): string {
  return `should ${due} and ended with ${code ?? 'no code'} (HTTP ${status}) at (base64) ${quote(bytes)}`;
}

/** What an answer is about. */
function readReference(text: string): string | undefined {
  return (findFrame('ack')(text) ?? findFrame('error')(text))?.re;
}
