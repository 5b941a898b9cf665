/**
 * Whether a host's spec still fits into the one frame in which it is sent. Looked at before a change is stored, because a host
 * whose spec does not fit goes on with the older one, and what a person saved would never happen.
 */
import type { HostId } from '@holdfast/shared/domain/ids.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { DRAIN, WIRE } from '@holdfast/shared/limits.ts';
import type { Host } from '../../store/hosts.ts';
import type { Caller } from '../caller.ts';
import type { CoreContext } from '../ports.ts';
import { composeSecrets, composeSpec, readSpecPieces, type SecretSealer, type SpecChange } from './spec.ts';

/** Ed25519 in base64url. */
const SIGNATURE_CHARS = 86;
/** Under the seal besides the values: the binding, quotes, and the box's own bytes. */
const SEALED_EXTRA_BYTES = 320;

/** As long as the real box, without the cost of sealing: a stored ciphertext is longer than its plain text. */
const weighSecrets: SecretSealer = (_table, row) => {
  const values = Object.entries(row.secrets);
  if (values.length === 0) return undefined;
  const bytes = values.reduce((sum, [name, ciphertext]) => sum + name.length + ciphertext.length, SEALED_EXTRA_BYTES);
  return { box: 'x'.repeat(Math.ceil((bytes * 4) / 3)), signature: 'x'.repeat(SIGNATURE_CHARS) };
};

/** Bytes of the biggest frame that a host's settings come in, estimated from above: the spec, or secrets that come apart from it. */
export async function measureSpec(context: CoreContext, host: Host, change?: SpecChange): Promise<number> {
  const pieces = await readSpecPieces(context, host, change);
  const now = context.clock.now();
  // There is always room for a drain, so that no host is too full to be drained.
  const drained = { ...host, drain: { since: now, until: now + DRAIN.minutesMax * 60_000, by: '' } };
  const document = JSON.stringify(composeSpec(drained, pieces, weighSecrets, now));
  const bytes = Buffer.byteLength(JSON.stringify(document));
  const apart = host.secretsMode === 'kept' ? 0 : Buffer.byteLength(JSON.stringify(composeSecrets(host, pieces, weighSecrets)));
  return Math.max(bytes, apart) + WIRE.specFrameExtraBytes;
}

/** Whether the stored settings of a host are more than it can be sent. */
export async function isSpecTooBig(context: CoreContext, host: Host): Promise<boolean> {
  return (await measureSpec(context, host)) > WIRE.frameBytes;
}

/**
 * Throws `limit` when the change would make the spec of one of these hosts bigger than a frame. What makes a spec smaller that
 * is too big already is let through.
 */
export async function demandSpecFits(
  context: CoreContext,
  caller: Pick<Caller, 'tenant'>,
  hosts: readonly HostId[],
  change: SpecChange,
): Promise<void> {
  for (const id of new Set(hosts)) {
    const host = await context.store.hosts.findHost(caller.tenant, id);
    if (host === undefined) continue;
    const after = await measureSpec(context, host, change);
    if (after <= WIRE.frameBytes || after <= (await measureSpec(context, host))) continue;
    const kib = (bytes: number) => Math.ceil(bytes / 1024);
    throw new AppError(
      'limit',
      `the settings of host ${host.name} would be ${kib(after)} KiB, but it can be sent ${kib(WIRE.frameBytes)} KiB at most; use fewer or shorter sources, paths and certificates on this host`,
      { retry: 'after_change', details: { host: host.id, bytes: after, most: WIRE.frameBytes } },
    );
  }
}
