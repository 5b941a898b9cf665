import { createHash, createHmac } from 'node:crypto';
import { request as requestHttps } from 'node:https';

export type S3Access = {
  readonly host: string;
  readonly port: number;
  readonly region: string;
  readonly accessKey: string;
  readonly secretKey: string;
  /** The authority's certificate as PEM text. */
  readonly ca: string;
};

export type S3RequestOptions = { readonly query?: Readonly<Record<string, string>>; readonly body?: string };

export type S3Answer = { readonly status: number; readonly body: string };

/** Sends one request signed with AWS Signature Version 4; any status is an answer. */
export function sendS3Request(access: S3Access, method: string, path: string, options: S3RequestOptions = {}): Promise<S3Answer> {
  const body = options.body ?? '';
  const query = Object.entries(options.query ?? {})
    .map(([key, value]) => `${encodeStrictly(key)}=${encodeStrictly(value)}`)
    .sort()
    .join('&');
  const encodedPath = path.split('/').map(encodeStrictly).join('/');
  const headers = buildHeaders(access, { method, path: encodedPath, query, body });
  return new Promise((resolve, reject) => {
    const target = {
      host: access.host,
      port: access.port,
      method,
      path: `${encodedPath}?${query}`,
      headers,
      ca: access.ca,
      agent: false,
    };
    const sent = requestHttps(target, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body: Buffer.concat(chunks).toString() }));
      answer.on('error', reject);
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

type SignedParts = { readonly method: string; readonly path: string; readonly query: string; readonly body: string };

function buildHeaders(access: S3Access, { method, path, query, body }: SignedParts): Record<string, string> {
  const instant = new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '');
  const bodyHash = createHash('sha256').update(body).digest('hex');
  const host = `${access.host}:${access.port}`;
  const signedNames = 'host;x-amz-content-sha256;x-amz-date';
  const canonical = [
    ...[method, path, query, `host:${host}`, `x-amz-content-sha256:${bodyHash}`, `x-amz-date:${instant}`],
    ...['', signedNames, bodyHash],
  ].join('\n');
  const scope = `${instant.slice(0, 8)}/${access.region}/s3/aws4_request`;
  const text = ['AWS4-HMAC-SHA256', instant, scope, createHash('sha256').update(canonical).digest('hex')].join('\n');
  let key: string | Buffer = `AWS4${access.secretKey}`;
  for (const part of scope.split('/')) key = createHmac('sha256', key).update(part).digest();
  const signature = createHmac('sha256', key).update(text).digest('hex');
  return {
    host,
    'x-amz-date': instant,
    'x-amz-content-sha256': bodyHash,
    'content-length': String(Buffer.byteLength(body)),
    authorization: `AWS4-HMAC-SHA256 Credential=${access.accessKey}/${scope}, SignedHeaders=${signedNames}, Signature=${signature}`,
  };
}

function encodeStrictly(text: string): string {
  return encodeURIComponent(text).replaceAll(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}
