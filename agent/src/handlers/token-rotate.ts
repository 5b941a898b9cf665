/** `token.rotate`: keeps the new token beside the old one; the next connection uses it first. */
import { openSealed } from '@holdfast/shared/crypto/sealed.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import type { RequestBody, RequestResult } from '@holdfast/shared/protocol/messages.ts';
import type { HostCredentialStore } from '../identity/host-credentials.ts';
import type { Workbench } from '../runs/workbench.ts';

export function createTokenRotate(workbench: Workbench, credentials: HostCredentialStore) {
  return async (body: RequestBody<'token.rotate'>): Promise<RequestResult<'token.rotate'>> => {
    const { hostId, serverKey } = credentials.get();
    const binding = { host: hostId, purpose: 'token' as const, ref: hostId, version: body.version };
    const { values } = openSealed(workbench.crypto, workbench.identity.sealing, serverKey, binding, body.sealed);
    const token = values['token'];
    if (token === undefined) throw new AppError('integrity', 'the server sent a rotation without a token');
    await credentials.rotateToken(token);
    return { accepted: true };
  };
}
