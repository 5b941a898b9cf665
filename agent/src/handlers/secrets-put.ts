/** `secrets.put`: what the spec of a host that keeps no secrets leaves out, held in memory and never written down. */
import { isSealedBy } from '@holdfast/shared/crypto/sealed.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import type { RequestBody, RequestResult } from '@holdfast/shared/protocol/messages.ts';
import type { Workbench } from '../runs/workbench.ts';

export function createSecretsPut({
  crypto,
  serverKey,
  journal,
  secrets,
}: Pick<Workbench, 'crypto' | 'serverKey' | 'journal' | 'secrets'>) {
  return ({ specVersion, items }: RequestBody<'secrets.put'>): RequestResult<'secrets.put'> => {
    if (!secrets.keepsNone)
      throw new AppError('precondition', 'this host keeps its secrets in its spec and takes none apart from it');
    const spec = journal.spec.load();
    if (spec === undefined || specVersion < spec.version) {
      throw new AppError(
        'conflict',
        `secrets of spec version ${specVersion} are older than version ${spec?.version ?? 0} of this host`,
        {
          retry: 'never',
        },
      );
    }
    const pinned = serverKey();
    // Who put themselves between could else take away what runs need.
    if (pinned === undefined || !items.every(({ sealed }) => isSealedBy(crypto, pinned, sealed)))
      throw new AppError('integrity', 'secrets were refused: they are not signed by the server this host trusts');
    secrets.put(items);
    return { specVersion };
  };
}
