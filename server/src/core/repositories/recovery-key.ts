/**
 * The recovery key: a recipient of age whose secret half lies with people and is kept nowhere here. What opens the repositories is sealed to it, and
 * whoever types back a code that was sealed to it has shown that they have the other half.
 */
import { AppError } from '@holdfast/shared/errors.ts';
import { MAINTENANCE, RECOVERY } from '@holdfast/shared/limits.ts';
import type { KeyProof, RecoveryKey } from '../../store/recovery.ts';
import { demandProven } from '../accounts/step-up.ts';
import { createFieldsError } from '../adapters/adapter-input.ts';
import { recordAct } from '../audit.ts';
import { TOPICS } from '../bus.ts';
import { type Caller, demand } from '../caller.ts';
import type { CoreContext } from '../ports.ts';
import { readWholeList } from '../whole-list.ts';
import { sealForNewKey } from './recovery-copies.ts';
import { makeRecoveryKit } from './recovery-sheet.ts';
import { formatRecoverySheet } from './recovery-text.ts';
import { tellHostsOf } from './tell-hosts.ts';

const TARGET = { kind: 'settings', id: 'recovery_key', name: 'recovery key' } as const;

export interface RecoveryKeyView {
  recipient: string;
  setAt: number;
  setBy: string;
  /** Whether somebody has shown within a quarter that they have its secret half. */
  standing: 'proven' | 'old' | 'never';
  proof?: KeyProof | undefined;
  /** How many there are, and of how many what opens them now is sealed to it. */
  repositories: number;
  sealed: number;
}

export async function findRecoveryKey({ store, clock }: CoreContext, caller: Caller): Promise<RecoveryKeyView | undefined> {
  demand(caller, 'view');
  const key = await store.recovery.findRecoveryKey(caller.tenant);
  if (key === undefined) return undefined;
  const { recipient, setAt, setBy, proof } = key;
  const isFresh = proof !== undefined && clock.now() - proof.at <= MAINTENANCE.passwordProvenMs;
  const standing = proof === undefined ? 'never' : isFresh ? 'proven' : 'old';
  return { recipient, setAt, setBy, standing, proof, ...(await store.recovery.countSealed(caller.tenant, recipient)) };
}

async function getKey({ store }: CoreContext, caller: Caller): Promise<RecoveryKey> {
  const key = await store.recovery.findRecoveryKey(caller.tenant);
  if (key === undefined) throw new AppError('precondition', 'there is no recovery key; set one first');
  return key;
}

/** What was typed is said again in no message: it may be the secret half. */
function parseRecipient({ recovery }: CoreContext, typed: string): string {
  const text = typed.trim();
  if (/^age-secret-key-/iu.test(text))
    throw createFieldsError({
      recipient:
        'Recipient: this is the secret half, which must stay with you. Make another key, and give the line that begins with age1',
    });
  if (!recovery.isRecipient(text))
    throw createFieldsError({
      recipient: 'Recipient: must be an X25519 recipient of age, age1 and 58 letters and digits behind it',
    });
  return text;
}

/**
 * Sets the key, or puts another in its place: then `replaces` is the recipient that goes. What opens each repository is sealed to it before this
 * comes back, but for what is more than a person waits for. `invalid` names `recipient`, `conflict` where another key is there than `replaces` says.
 */
export async function setRecoveryKey(
  context: CoreContext,
  caller: Caller,
  input: { recipient: string; replaces?: string | undefined },
): Promise<RecoveryKeyView> {
  demand(caller, 'settings.manage');
  const recipient = parseRecipient(context, input.recipient);
  const before = await context.store.recovery.findRecoveryKey(caller.tenant);
  if (before?.recipient !== recipient) {
    // Whoever sets a key of their own reads every password by it.
    await demandProven(context, caller, 'set the recovery key');
    const key: RecoveryKey = { tenant: caller.tenant, recipient, setAt: context.clock.now(), setBy: caller.actor.name };
    await context.store.recovery.putRecoveryKey(key, input.replaces);
    const change = { before: before?.recipient, after: recipient };
    await recordAct(context, caller, { action: 'recovery_key.set', target: TARGET, change });
    await sealForNewKey(context, key);
    context.bus.publish(caller.tenant, { kind: 'refresh', topic: TOPICS.repositories });
  }
  const view = await findRecoveryKey(context, caller);
  if (view === undefined) throw new AppError('conflict', 'somebody else removed the recovery key meanwhile');
  return view;
}

/** For the console alone, which prints the identity once: it is kept nowhere. */
export async function createRecoveryKey(
  context: CoreContext,
  caller: Caller,
  replaces: string | undefined,
): Promise<{ identity: string; recipient: string }> {
  const key = context.recovery.makeKey();
  await setRecoveryKey(context, caller, { recipient: key.recipient, replaces });
  return key;
}

/** Removes the key with this recipient and every copy that is sealed to it, on the hosts as well. `conflict` where another one is there. */
export async function removeRecoveryKey(context: CoreContext, caller: Caller, recipient: string): Promise<void> {
  demand(caller, 'settings.manage');
  await demandProven(context, caller, 'remove the recovery key');
  const repositories = await readWholeList((page) => context.store.repositories.listRepositories(caller.tenant, {}, page));
  await context.store.recovery.deleteRecoveryKey(caller.tenant, recipient);
  await recordAct(context, caller, { action: 'recovery_key.removed', target: TARGET, change: { recipient } });
  await tellHostsOf(
    context,
    caller,
    repositories.map(({ id }) => id),
  );
}

/** Without letters and digits that look alike. */
const CODE_LETTERS = 'ABCDEFGHJKMNPQRSTVWXYZ23456789';
const CODE_GROUPS = 6;
const GROUP_CHARS = 5;

function makeCode({ crypto }: CoreContext): string {
  const letters: string[] = [];
  while (letters.length < CODE_GROUPS * GROUP_CHARS) {
    const [byte = 255] = crypto.randomBytes(1);
    // What is above the last whole multiple would make the first letters more frequent.
    if (byte < 256 - (256 % CODE_LETTERS.length)) letters.push(CODE_LETTERS[byte % CODE_LETTERS.length] ?? '');
  }
  return Array.from({ length: CODE_GROUPS }, (_, group) =>
    letters.slice(group * GROUP_CHARS, (group + 1) * GROUP_CHARS).join(''),
  ).join('-');
}

const hashCode = ({ crypto }: CoreContext, code: string): string =>
  crypto.hashToken(code.toUpperCase().replaceAll(/[^A-Z0-9]/gu, ''));

/** A fresh code, sealed to the key; an older one is worth nothing any more. `precondition` where there is no key. */
export async function askForRecoveryCode(
  context: CoreContext,
  caller: Caller,
): Promise<{ sealed: string; until: number; recipient: string }> {
  demand(caller, 'settings.manage');
  const { recipient, tenant } = await getKey(context, caller);
  const code = makeCode(context);
  const until = context.clock.now() + RECOVERY.codeLifeMs;
  await context.store.recovery.openRecoveryCode(tenant, recipient, {
    hash: hashCode(context, code),
    until,
    tries: RECOVERY.codeTries,
  });
  return { sealed: context.recovery.seal(recipient, `${code}\n`), until, recipient };
}

/**
 * Takes the code back from whoever could open it. `invalid` naming `code` for another one, `precondition` where none is open: it was used, is too
 * old, or was tried too often.
 */
export async function proveRecoveryKey(context: CoreContext, caller: Caller, code: string): Promise<KeyProof> {
  demand(caller, 'settings.manage');
  const { store, clock, crypto } = context;
  const open = await store.recovery.takeRecoveryTry(caller.tenant, clock.now());
  if (open === undefined) throw new AppError('precondition', 'no code is waiting to be typed back: ask for a new one');
  if (!crypto.equalText(open.hash, hashCode(context, code))) {
    await recordAct(context, caller, { action: 'recovery_key.refused', target: TARGET, change: { recipient: open.recipient } });
    const again = open.left > 0 ? 'type all six groups' : 'it was tried too often: ask for a new one';
    throw createFieldsError({ code: `Code: it is not the one that was sealed; ${again}` });
  }
  const proof = { at: clock.now(), by: caller.actor.name };
  await store.recovery.proveRecoveryKey(caller.tenant, open.recipient, proof);
  await recordAct(context, caller, { action: 'recovery_key.proven', target: TARGET, change: { recipient: open.recipient } });
  context.bus.publish(caller.tenant, { kind: 'refresh', topic: TOPICS.repositories });
  return proof;
}

/**
 * The whole recovery kit, sources and newest backups included, as one armored age file: nobody reads it who has not the secret half of the key.
 * `precondition` where there is none.
 */
export async function sealRecoveryKit(
  context: CoreContext,
  caller: Caller,
): Promise<{ madeAt: number; recipient: string; sealed: string }> {
  demand(caller, 'settings.manage');
  const { recipient } = await getKey(context, caller);
  const kit = await makeRecoveryKit(context, caller);
  const sealed = context.recovery.seal(recipient, formatRecoverySheet(kit));
  await recordAct(context, caller, {
    action: 'recovery_kit.sealed',
    target: { kind: 'settings', id: 'recovery_kit', name: 'recovery kit' },
    change: { recipient, repositories: kit.repositories.map(({ name }) => name) },
  });
  return { madeAt: kit.madeAt, recipient, sealed };
}
