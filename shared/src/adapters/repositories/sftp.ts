/**
 * A restic repository over SFTP with the host's ssh client. Host, user, port and key stand in an ssh configuration of our own, under
 * one fixed alias, so that no user text is in an argument; the system's and the user's ssh configuration are not read.
 */
import type { CommandFile } from '../command.ts';
import { createFieldError, getNumber, getSecret, getText, normalizeLines } from '../config-values.ts';
import type { RepositoryAdapter } from '../repository.ts';
import type { PlanInput } from '../source.ts';
import {
  allowStore,
  createPasswordFile,
  listRedactions,
  listSecretForms,
  PASSWORD_FIELD,
  PASSWORD_ONLY_FIELD,
} from './secrets.ts';

/** The name under which ssh knows the repository's host. */
const ALIAS = 'holdfast-repository';
/** No leading dash, no `%`, no blank: the value can be neither an option nor a token of ssh's configuration. */
const HOST_PATTERN = /^[A-Za-z0-9](?:[A-Za-z0-9._:-]*[A-Za-z0-9])?$|^::1$/;
const USER_PATTERN = /^[A-Za-z0-9_][A-Za-z0-9._+@-]*\$?$/;
/** A path from the root, or relative to the user's directory; restic refuses `~`, and trims blanks at the ends. */
const PATH_PATTERN = /^(?![~\s]).*\S$|^[^~\s]$/;

function checkPattern(field: string, value: string, pattern: RegExp): string {
  if (!pattern.test(value)) throw createFieldError(field, 'has an unexpected form');
  return value;
}

/** A path for ssh's configuration: quoted, with `%` doubled because it would begin a token. */
function quoteConfigPath(path: string): string {
  if (/["\\\n$]/.test(path)) throw createFieldError('workDir', 'has an unexpected form');
  return `"${path.replaceAll('%', '%%')}"`;
}

/** Never asks, never trusts an unknown host, never uses another key than ours, and notices a dead line within two minutes. */
function createSshConfig(input: PlanInput, keyPath: string, knownHostsPath: string): string {
  const { config } = input;
  const lines = [
    `Host ${ALIAS}`,
    `HostName ${checkPattern('host', getText(config, 'host'), HOST_PATTERN)}`,
    `Port ${getNumber(config, 'port', 22)}`,
    `User ${checkPattern('user', getText(config, 'user'), USER_PATTERN)}`,
    `IdentityFile ${quoteConfigPath(keyPath)}`,
    'IdentitiesOnly yes',
    'IdentityAgent none',
    `UserKnownHostsFile ${quoteConfigPath(knownHostsPath)}`,
    'GlobalKnownHostsFile /dev/null',
    'StrictHostKeyChecking yes',
    'UpdateHostKeys no',
    'BatchMode yes',
    'PreferredAuthentications publickey',
    'ConnectTimeout 30',
    'ServerAliveInterval 20',
    'ServerAliveCountMax 5',
    'ControlMaster no',
    'ControlPath none',
    'ForwardAgent no',
    'ClearAllForwardings yes',
    'PermitLocalCommand no',
    'LogLevel ERROR',
  ];
  return `${lines.join('\n')}\n`;
}

export const sftpRepository: RepositoryAdapter = {
  kind: 'sftp',
  label: 'SFTP server',
  summary: 'A directory on a host that is reached over SSH with a key.',
  fields: [
    {
      kind: 'text',
      name: 'host',
      label: 'Host',
      required: true,
      maxChars: 253,
      pattern: HOST_PATTERN,
      patternHint: 'must be a host name or address',
    },
    { kind: 'number', name: 'port', label: 'Port', default: 22, min: 1, max: 65535 },
    {
      kind: 'text',
      name: 'user',
      label: 'User',
      required: true,
      maxChars: 100,
      pattern: USER_PATTERN,
      patternHint: 'must be a plain user name',
    },
    {
      kind: 'text',
      name: 'path',
      label: 'Directory',
      required: true,
      maxChars: 4000,
      pattern: PATH_PATTERN,
      patternHint: 'must not begin with ~ and not begin or end with a blank',
      placeholder: '/backup/restic',
    },
    {
      kind: 'secret',
      name: 'privateKey',
      label: 'Private key',
      required: true,
      multiline: true,
      help: 'In OpenSSH’s format, without a passphrase.',
    },
    {
      kind: 'multiline',
      name: 'knownHosts',
      label: 'Known host keys',
      required: true,
      help: 'Lines as ssh-keyscan prints them; compare them with the server’s own. Any other key is refused.',
    },
    PASSWORD_FIELD,
    PASSWORD_ONLY_FIELD,
  ],
  tools: ['ssh'],
  adminFields: ['user', 'privateKey'],
  describe: (config) => `${getText(config, 'user')}@${getText(config, 'host')}:${getText(config, 'path')}`,
  planAccess(input) {
    const { config, secrets, workDir } = input;
    const password = createPasswordFile(input);
    const privateKey = getSecret(secrets, 'privateKey');
    const key: CommandFile = { path: `${workDir}/ssh_key`, content: normalizeLines(privateKey) };
    const knownHosts: CommandFile = {
      path: `${workDir}/ssh_known_hosts`,
      content: normalizeLines(getText(config, 'knownHosts')),
    };
    const sshConfig: CommandFile = {
      path: `${workDir}/ssh_config`,
      content: createSshConfig(input, key.path, knownHosts.path),
    };
    const path = checkPattern('path', getText(config, 'path'), PATH_PATTERN);
    if (/[\r\n]/.test(path)) throw createFieldError('path', 'must be one line');
    const repository: CommandFile = { path: `${workDir}/restic-repository`, content: `sftp:${ALIAS}:${path}\n` };
    return {
      env: { RESTIC_REPOSITORY_FILE: repository.path, RESTIC_PASSWORD_FILE: password.path },
      files: [repository, password, sshConfig, key, knownHosts],
      // restic splits this by blanks and quotes; the work directory has neither.
      args: ['-o', `sftp.command=ssh -F ${sshConfig.path} -s ${ALIAS} sftp`],
      redact: listRedactions([...listSecretForms(password.content), ...listSecretForms(privateKey)]),
      ...allowStore(input, { kind: 'sftp', configPath: sshConfig.path, alias: ALIAS, path }),
    };
  },
};
