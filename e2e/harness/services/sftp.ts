import { chmod, chown, mkdir, readFile, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { findFreePort } from './free-port.ts';
import { findServiceIdentity } from './identity.ts';
import { createPrivateDirectory } from './private-directory.ts';
import { assertNothingLeft, signalProcesses } from './processes.ts';
import { type ServiceProcess, startServiceProcess } from './service-process.ts';
import { runTool } from './tool-run.ts';
import { getSftpServer, getTool } from './tools.ts';

export type SftpHandle = {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** The client's private key, readable by the user who runs the tests. */
  readonly identityFile: string;
  readonly knownHostsFile: string;
  /** A folder the user may write to, on the server's side (which is this machine). */
  readonly path: string;
  /** The ssh command that opens the sftp subsystem, as words. */
  readonly command: readonly string[];
  stop(): Promise<void>;
};

/** System accounts without a lock in the password database; `nobody` shows as locked where systemd answers for it. */
const accounts = ['games', 'www-data', 'daemon'];

/**
 * Starts a real sshd that runs unprivileged and so serves exactly one account: a system account when the tests run as root, else the
 * tests' own user. Only its own key opens it, and only for sftp. Resolves when it listens.
 */
export async function startSftp(): Promise<SftpHandle> {
  const identity = findServiceIdentity(accounts);
  const user = identity?.name ?? userInfo().username;
  const host = '127.0.0.1';
  const port = await findFreePort(host);
  const server = await createPrivateDirectory('sftp-server', identity);
  const client = await createPrivateDirectory('sftp-client');
  let daemon: ServiceProcess | undefined;
  const stop = async (): Promise<void> => {
    await daemon?.stop('SIGTERM');
    signalProcesses({ directory: server.path }, 'SIGKILL');
    await assertNothingLeft({ directory: server.path });
    await server.remove();
    await client.remove();
  };
  try {
    const identityFile = join(client.path, 'identity');
    const hostKey = join(server.path, 'host-key');
    for (const file of [identityFile, hostKey])
      await runTool(getTool('ssh-keygen'), ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', file]);
    const knownHostsFile = join(client.path, 'known-hosts');
    await writeFile(knownHostsFile, `[${host}]:${port} ${await readFile(`${hostKey}.pub`, 'utf8')}`);
    const path = join(server.path, 'files');
    const authorizedKeys = join(server.path, 'authorized-keys');
    const config = join(server.path, 'sshd-config');
    await mkdir(path);
    await writeFile(authorizedKeys, await readFile(`${identityFile}.pub`, 'utf8'));
    await writeFile(config, buildConfig({ host, port, user, hostKey, authorizedKeys }));
    if (identity !== undefined)
      for (const file of [path, hostKey, authorizedKeys, config]) await chown(file, identity.uid, identity.gid);
    await chmod(hostKey, 0o600);
    daemon = startServiceProcess({ command: getTool('sshd'), args: ['-D', '-e', '-f', config], cwd: server.path, identity });
    await daemon.awaitOutput(/Server listening on/);
    const command = [
      ...['ssh', '-F', 'none', '-o', 'BatchMode=yes', '-o', 'IdentitiesOnly=yes', '-o', `UserKnownHostsFile=${knownHostsFile}`],
      ...['-o', 'StrictHostKeyChecking=yes', '-o', 'GlobalKnownHostsFile=none', '-i', identityFile, '-p', String(port)],
      ...[`${user}@${host}`, '-s', 'sftp'],
    ];
    return { host, port, user, identityFile, knownHostsFile, path, command, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

type ConfigFacts = {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly hostKey: string;
  readonly authorizedKeys: string;
};

/** `ForceCommand internal-sftp` needs no login shell, which system accounts do not have. */
function buildConfig({ host, port, user, hostKey, authorizedKeys }: ConfigFacts): string {
  const lines = [
    `ListenAddress ${host}`,
    `Port ${port}`,
    `HostKey ${hostKey}`,
    `AuthorizedKeysFile ${authorizedKeys}`,
    `AllowUsers ${user}`,
    'PidFile none',
    'UsePAM no',
    'StrictModes no',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'PermitTTY no',
    'AllowTcpForwarding no',
    'AllowAgentForwarding no',
    'UseDNS no',
    'MaxStartups 100',
    'MaxSessions 50',
    `Subsystem sftp ${getSftpServer()}`,
    'ForceCommand internal-sftp',
  ];
  return `${lines.join('\n')}\n`;
}
