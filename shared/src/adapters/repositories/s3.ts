/** A restic repository in an S3 bucket. Credentials travel by environment and are always explicit: nothing is taken from the host. */
import type { CommandFile } from '../command.ts';
import { createFieldError, findSecret, findText, getBoolean, getSecret, getText, normalizeLines } from '../config-values.ts';
import type { Config } from '../field.ts';
import type { RepositoryAdapter } from '../repository.ts';
import { isLoopback, parseHttpAddress } from './endpoint.ts';
import { encodeUserInfo } from './rest.ts';
import {
  allowStore,
  CA_CERT_FIELD,
  createPasswordFile,
  listRedactions,
  listSecretForms,
  PASSWORD_FIELD,
  PASSWORD_ONLY_FIELD,
} from './secrets.ts';

/**
 * The endpoint as `https://host:port`. Plain HTTP is refused but for a loopback address with `allowHttp`: besides being
 * readable, uploads over it are not checked by every server.
 */
function getEndpoint(config: Config): string {
  const text = getText(config, 'endpoint');
  const url = parseHttpAddress('endpoint', text.includes('://') ? text : `https://${text}`);
  if (url.pathname !== '/') throw createFieldError('endpoint', 'must not contain a path; that belongs to bucket and prefix');
  if (url.protocol === 'http:' && !(isLoopback(url) && getBoolean(config, 'allowHttp'))) {
    throw createFieldError('endpoint', 'must begin with https://');
  }
  return `${url.protocol}//${url.host}`;
}

/** The repository's root. Only Amazon wants the bucket in the host's name, and not where a dot in it would fail its certificate. */
function getRoot(config: Config): string {
  const endpoint = new URL(getEndpoint(config));
  const bucket = getText(config, 'bucket');
  const inHost =
    /(?:^|\.)amazonaws\.com(?:\.cn)?$/.test(endpoint.hostname) && !bucket.includes('.') && !getBoolean(config, 'pathStyle');
  const folders = [...(inHost ? [] : [bucket]), ...(findText(config, 'prefix')?.split('/') ?? [])];
  return `${endpoint.protocol}//${inHost ? `${bucket}.` : ''}${endpoint.host}/${folders.map((name) => `${encodeUserInfo(name)}/`).join('')}`;
}

function getLocation(config: Config): string {
  const prefix = findText(config, 'prefix');
  if (prefix?.split('/').some((part) => part === '..' || part === '.')) {
    throw createFieldError('prefix', 'must not contain . or .. as a part');
  }
  return `${getEndpoint(config)}/${getText(config, 'bucket')}${prefix === undefined ? '' : `/${prefix}`}`;
}

export const s3Repository: RepositoryAdapter = {
  kind: 's3',
  label: 'S3 bucket',
  summary: 'A bucket of Amazon S3 or of any server that speaks its protocol.',
  fields: [
    {
      kind: 'text',
      name: 'endpoint',
      label: 'Endpoint',
      required: true,
      maxChars: 500,
      pattern: /^(?:https?:\/\/)?[A-Za-z0-9.[\]:-]+\/?$/,
      patternHint: 'must be a host name with an optional port',
      placeholder: 's3.example.com',
    },
    {
      kind: 'text',
      name: 'bucket',
      label: 'Bucket',
      required: true,
      maxChars: 63,
      pattern: /^[A-Za-z0-9][A-Za-z0-9._-]*$/,
      patternHint: 'must consist of letters, digits, dots, dashes and underscores',
    },
    {
      kind: 'text',
      name: 'prefix',
      label: 'Prefix',
      maxChars: 500,
      pattern: /^[A-Za-z0-9._=+@-]+(?:\/[A-Za-z0-9._=+@-]+)*$/,
      patternHint: 'must be names separated by single slashes',
      help: 'A folder in the bucket, without a slash at its ends.',
    },
    {
      kind: 'text',
      name: 'region',
      label: 'Region',
      advanced: true,
      maxChars: 64,
      pattern: /^[A-Za-z0-9_-]+$/,
      patternHint: 'must be a region’s name such as eu-central-1',
    },
    {
      kind: 'text',
      name: 'accessKeyId',
      label: 'Access key id',
      required: true,
      maxChars: 256,
    },
    { kind: 'secret', name: 'secretAccessKey', label: 'Secret access key', required: true },
    { kind: 'secret', name: 'sessionToken', label: 'Session token' },
    PASSWORD_FIELD,
    {
      kind: 'boolean',
      name: 'pathStyle',
      label: 'Bucket in the path',
      default: false,
      advanced: true,
      help: 'For servers that do not serve a host name of its own for each bucket.',
    },
    CA_CERT_FIELD,
    {
      kind: 'boolean',
      name: 'allowHttp',
      label: 'Allow plain HTTP to the host itself',
      default: false,
      advanced: true,
    },
    PASSWORD_ONLY_FIELD,
  ],
  adminFields: ['accessKeyId', 'secretAccessKey', 'sessionToken'],
  describe: (config) => getLocation(config),
  address: (config) => new URL(getEndpoint(config)),
  planAccess(input) {
    const { config, secrets, workDir } = input;
    const password = createPasswordFile(input);
    const secretKey = getSecret(secrets, 'secretAccessKey');
    const token = findSecret(secrets, 'sessionToken');
    const region = findText(config, 'region');
    const caCert = findText(config, 'caCert');
    const cert: CommandFile | undefined =
      caCert === undefined ? undefined : { path: `${workDir}/restic-ca.crt`, content: normalizeLines(caCert) };
    return {
      env: {
        RESTIC_REPOSITORY: `s3:${getLocation(config)}`,
        RESTIC_PASSWORD_FILE: password.path,
        AWS_ACCESS_KEY_ID: getText(config, 'accessKeyId'),
        AWS_SECRET_ACCESS_KEY: secretKey,
        ...(token === undefined ? {} : { AWS_SESSION_TOKEN: token }),
        ...(region === undefined ? {} : { AWS_DEFAULT_REGION: region }),
      },
      files: cert === undefined ? [password] : [password, cert],
      args: [
        ...(getBoolean(config, 'pathStyle') ? ['-o', 's3.bucket-lookup=path'] : []),
        ...(cert === undefined ? [] : ['--cacert', cert.path]),
      ],
      redact: listRedactions([password.content, secretKey, token ?? ''].flatMap(listSecretForms)),
      ...allowStore(input, {
        kind: 's3',
        url: getRoot(config),
        region: region ?? 'us-east-1',
        accessKeyId: getText(config, 'accessKeyId'),
        secretAccessKey: secretKey,
        sessionToken: token,
        caCert: cert?.content,
      }),
    };
  },
};
