/** The headers by which S3 takes an object: AWS Signature Version 4, as Amazon's reference describes it. Pure. */
import { createHash, createHmac } from 'node:crypto';
import type { ObjectStore } from '@holdfast/shared/adapters/repository.ts';

type Bucket = Pick<Extract<ObjectStore, { kind: 's3' }>, 'region' | 'accessKeyId' | 'secretAccessKey' | 'sessionToken'>;

const digest = (text: string): string => createHash('sha256').update(text).digest('hex');

/** `url` is encoded as it will be sent and has no query; `now` in epoch milliseconds. */
export function signPut(bucket: Bucket, url: URL, content: string, now: number): Record<string, string> {
  const instant = new Date(now).toISOString().replaceAll(/[-:]|\.\d+/g, '');
  const { sessionToken } = bucket;
  const headers: Record<string, string> = {
    host: url.host,
    'x-amz-content-sha256': digest(content),
    'x-amz-date': instant,
    ...(sessionToken === undefined ? {} : { 'x-amz-security-token': sessionToken }),
  };
  const names = Object.keys(headers).sort();
  const listed = names.map((name) => `${name}:${headers[name]}`);
  const canonical = ['PUT', url.pathname, '', ...listed, '', names.join(';'), digest(content)].join('\n');
  const scope = `${instant.slice(0, 8)}/${bucket.region}/s3/aws4_request`;
  let key: string | Buffer = `AWS4${bucket.secretAccessKey}`;
  for (const part of scope.split('/')) key = createHmac('sha256', key).update(part).digest();
  const signature = createHmac('sha256', key)
    .update(['AWS4-HMAC-SHA256', instant, scope, digest(canonical)].join('\n'))
    .digest('hex');
  const credential = `AWS4-HMAC-SHA256 Credential=${bucket.accessKeyId}/${scope}`;
  return { ...headers, authorization: `${credential}, SignedHeaders=${names.join(';')}, Signature=${signature}` };
}
