import assert from 'node:assert/strict';
import test from 'node:test';
import { signPut } from './sign-put.ts';

const bucket = {
  region: 'us-east-1',
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
};
const now = Date.UTC(2013, 4, 24);

test('the signature covers host, content and time, and depends on each', () => {
  const sign = (url: string, content: string, at = now, more: { sessionToken?: string } = {}) =>
    signPut({ ...bucket, ...more }, new URL(url), content, at)['authorization'] ?? '';
  const one = sign('https://s3.example.com/b/keys/1', 'x');
  assert.match(
    one,
    /^AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE\/20130524\/us-east-1\/s3\/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=[0-9a-f]{64}$/,
  );
  assert.equal(one, sign('https://s3.example.com/b/keys/1', 'x'));
  const others = [
    sign('https://s3.example.net/b/keys/1', 'x'),
    sign('https://s3.example.com/b/keys/2', 'x'),
    sign('https://s3.example.com/b/keys/1', 'y'),
    sign('https://s3.example.com/b/keys/1', 'x', now + 1000),
    sign('https://s3.example.com/b/keys/1', 'x', now, { sessionToken: 'tok' }),
  ];
  assert.equal(new Set([one, ...others]).size, 6);
});

test('a session token is sent and signed', () => {
  const headers = signPut({ ...bucket, sessionToken: 'tok' }, new URL('https://s3.example.com/b/k'), 'x', now);
  assert.equal(headers['x-amz-security-token'], 'tok');
  assert.match(headers['authorization'] ?? '', /;x-amz-security-token,/);
});

test('the secret is in no header', () => {
  const headers = signPut(bucket, new URL('https://s3.example.com/b/k'), 'x', now);
  assert.ok(!JSON.stringify(headers).includes(bucket.secretAccessKey));
});
