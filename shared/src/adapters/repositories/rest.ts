/**
 * A restic repository behind rest-server. restic 0.14 knows credentials only inside the address, so the address lies in a file;
 * it is never an argument or an environment variable.
 */
import type { CommandFile } from '../command.ts';
import { createFieldError, findSecret, findText, getBoolean, getText, normalizeLines } from '../config-values.ts';
import type { Config } from '../field.ts';
import type { RepositoryAdapter } from '../repository.ts';
import { isLoopback, parseHttpAddress } from './endpoint.ts';
import {
  allowStore,
  CA_CERT_FIELD,
  createPasswordFile,
  listRedactions,
  listSecretForms,
  PASSWORD_FIELD,
  PASSWORD_ONLY_FIELD,
} from './secrets.ts';

/** Percent-encodes everything but letters, digits, `-`, `_`, `.` and `~`. */
export function encodeUserInfo(text: string): string {
  return encodeURIComponent(text).replaceAll(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}

function getAddress(config: Config): URL {
  const url = parseHttpAddress('url', getText(config, 'url'));
  if (url.protocol === 'http:' && !isLoopback(url) && !getBoolean(config, 'allowHttp')) {
    throw createFieldError('url', 'must begin with https://, or plain HTTP must be allowed explicitly');
  }
  return url;
}

/** `user:password` in base 64, as the Authorization header shows it. */
function encodeBasic(userInfo: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(userInfo)));
}

export const restRepository: RepositoryAdapter = {
  kind: 'rest',
  label: 'REST server',
  summary: 'restic’s rest-server, which can be append-only.',
  fields: [
    {
      kind: 'text',
      name: 'url',
      label: 'Address',
      required: true,
      maxChars: 2000,
      pattern: /^https?:\/\/[^\s@?#]+$/,
      patternHint: 'must be an https:// address without user, ? and #',
      placeholder: 'https://backup.example.com:8000/shop/',
    },
    { kind: 'text', name: 'username', label: 'User', maxChars: 255 },
    { kind: 'secret', name: 'restPassword', label: 'Password of the user' },
    PASSWORD_FIELD,
    CA_CERT_FIELD,
    {
      kind: 'boolean',
      name: 'allowHttp',
      label: 'Allow plain HTTP',
      default: false,
      advanced: true,
      help: 'The user’s password then crosses the network readably. Not needed for an address on the host itself.',
    },
    PASSWORD_ONLY_FIELD,
  ],
  // Another user, or another server before the same directory: append-only is a setting of the whole server.
  adminFields: ['url', 'username', 'restPassword'],
  describe: (config) => getText(config, 'url'),
  address: getAddress,
  planAccess(input) {
    const url = getAddress(input.config);
    const password = createPasswordFile(input);
    const username = findText(input.config, 'username');
    const restPassword = findSecret(input.secrets, 'restPassword');
    if (restPassword !== undefined && username === undefined) throw createFieldError('username', 'is needed with a password');
    const encoded = restPassword === undefined ? '' : encodeUserInfo(restPassword);
    const userInfo =
      username === undefined ? '' : `${encodeUserInfo(username)}${restPassword === undefined ? '' : `:${encoded}`}@`;
    const location = `rest:${url.protocol}//${userInfo}${url.host}${url.pathname}`;
    const repository: CommandFile = { path: `${input.workDir}/restic-repository`, content: `${location}\n` };
    const caCert = findText(input.config, 'caCert');
    const cert: CommandFile | undefined =
      caCert === undefined ? undefined : { path: `${input.workDir}/restic-ca.crt`, content: normalizeLines(caCert) };
    return {
      env: { RESTIC_REPOSITORY_FILE: repository.path, RESTIC_PASSWORD_FILE: password.path },
      files: cert === undefined ? [repository, password] : [repository, password, cert],
      args: cert === undefined ? [] : ['--cacert', cert.path],
      redact: listRedactions([
        ...listSecretForms(password.content),
        ...(restPassword === undefined
          ? []
          : [location, ...listSecretForms(restPassword), encoded, encodeBasic(`${username ?? ''}:${restPassword}`)]),
      ]),
      ...allowStore(input, {
        kind: 'rest',
        url: `${url.protocol}//${url.host}${url.pathname.replace(/\/*$/, '/')}`,
        userInfo: username === undefined ? undefined : { name: username, password: restPassword ?? '' },
        caCert: cert?.content,
      }),
    };
  },
};
