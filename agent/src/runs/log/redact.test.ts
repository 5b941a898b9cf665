import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createRedactor } from './redact.ts';

describe('the redactor', () => {
  it('masks a secret as it is, percent-encoded, in base64 and in JSON', () => {
    const secret = 'p@ss "w/ord"';
    const redact = createRedactor([secret]);
    for (const form of [secret, encodeURIComponent(secret), Buffer.from(secret).toString('base64'), JSON.stringify(secret)]) {
      assert.doesNotMatch(redact(`before ${form} after`), /p@ss|p%40ss|cEBzcy/);
    }
  });

  it('masks passwords in URLs, private keys and tokens that nobody told it of', () => {
    const redact = createRedactor([]);
    assert.equal(redact('rest:https://user:geheim@example.test/repo'), 'rest:https://user:•••@example.test/repo');
    assert.equal(redact('-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----'), '•••');
    assert.equal(redact(`token hfa_${'x'.repeat(43)}`), 'token •••');
  });

  it('takes no longer than it must for long lines made to look like the beginnings of secrets', () => {
    const redact = createRedactor(['a secret']);
    const beginnings = ['x', 'a://', 'a://b:', '-----BEGIN ', '-----END A', 'hfa_', 'hfa_-', 'AKIA', 'a.b+c-'];
    const startedAt = performance.now();
    for (const beginning of beginnings) {
      const text = beginning.repeat(Math.ceil(1_000_000 / beginning.length));
      assert.ok(redact(text).length > 0, beginning);
    }
    assert.ok(performance.now() - startedAt < 3000, `took ${performance.now() - startedAt} ms`);
  });

  it('leaves ordinary text alone when a secret is very short', () => {
    assert.equal(createRedactor(['a', ''])('a banana'), 'a banana');
  });

  it('never lets a secret of four characters or more through', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 4, maxLength: 40 }), fc.string(), fc.string(), (secret, before, after) => {
        const redacted = createRedactor([secret])(`${before}${secret}${after}`);
        return secret.includes('•') || !redacted.replaceAll('•••', '\u0000').includes(secret) || '•••'.includes(secret);
      }),
    );
  });
});
