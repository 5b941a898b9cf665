/** `holdfast-agent recovery-kit`: where the sealed copies of what opens this host's repositories lie, and one of them to be opened. */
import { systemRandomBytes } from '@holdfast/shared/clock.ts';
import { createCrypto } from '@holdfast/shared/crypto/crypto.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import type { AgentConfig } from '../config.ts';
import { findCopyFile, listRecoveryCopies } from '../host/recovery-copies.ts';
import { findCredentials } from '../identity/host-credentials.ts';
import { printJson, printLine, printTable } from './output.ts';
import { getStoredSpec } from './stored-spec.ts';

/** Throws `precondition` where there is no copy, `not_found` for a repository that this host does not use. */
export async function runRecoveryKit(config: AgentConfig, wanted: string | undefined, json: boolean): Promise<void> {
  const crypto = createCrypto(systemRandomBytes);
  const credentials = await findCredentials(config.stateDir);
  const trusted = { crypto, serverKey: () => credentials?.serverKey, hostId: () => credentials?.hostId };
  const copies = listRecoveryCopies(getStoredSpec(trusted, config.stateDir));
  if (copies.length === 0)
    throw new AppError(
      'precondition',
      'there is no sealed copy here: the server has no recovery key, no plan of this host uses a repository, or the host keeps no secrets',
    );
  const found = copies.filter(({ id, name }) => wanted === undefined || id === wanted || name === wanted);
  if (found.length === 0) throw new AppError('not_found', `there is no sealed copy of a repository called ${wanted}`);
  const described = found.map(({ id, name }) => ({ repository: id, name, file: findCopyFile(config.stateDir, id) }));
  if (json) printJson(wanted === undefined ? described : found.map(({ id, name, sealed }) => ({ repository: id, name, sealed })));
  else if (wanted === undefined)
    printTable(
      ['REPOSITORY', 'FILE'],
      described.map(({ name, file }) => [name, file]),
    );
  else for (const { sealed } of found) for (const line of sealed.trimEnd().split('\n')) printLine(line);
}
