import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AppError } from '@holdfast/shared/errors.ts';
import { checkPasswordRules } from './password-rules.ts';

const user = { name: 'Administratrix' };

describe('a new password is accepted', () => {
  const good: [title: string, password: string][] = [
    ['with twelve characters', 'tundra-violi'],
    ['as a phrase of words', 'seven otters polish the lamp'],
    ['in any script', 'коза ест сено тихо'],
    ['with 1,024 bytes', `${'abcdefgz'.repeat(100)}${'q7!xP'.repeat(44)}zzzz`],
    ['with the user name inside a longer phrase', 'administratrix keeps a green parrot'],
  ];
  for (const [title, password] of good) {
    it(title, () => {
      checkPasswordRules(password, user);
    });
  }
});

describe('a new password is refused', () => {
  const bad: [title: string, password: string, says: RegExp][] = [
    ['with eleven characters', 'tundra-viol', /at least 12 characters/],
    ['with eleven characters of two code units each', '🦦🦊🐻🐼🐨🐯🦁🐮🐷🐸🐵', /at least 12 characters/],
    ['with 1,025 bytes', `${'x7!pQ'.repeat(204)}abcde`, /at most 1024 bytes/],
    ['from the published lists', 'password1234', /tries first/],
    ['from the published lists in other letters and with dashes', 'Correct-Horse-Battery-Staple', /tries first/],
    ['from the published lists with digits behind', 'PasswordPassword99!', /tries first/],
    ['of few characters', 'abababababab', /different characters/],
    ['that repeats itself', 'abcde!abcde!abcde!', /repeated or running/],
    ['that repeats itself and stops half-way', 'abcde!abcde!abcde!ab', /repeated or running/],
    ['that runs up', 'lmnopqrstuvwxyz', /repeated or running/],
    ['that runs down', 'zyxwvutsrqponm', /repeated or running/],
    ['that is the user name', 'ADMINISTRATRIX', /user name/],
    ['that is the user name twice', 'administratrixAdministratrix', /user name/],
  ];
  for (const [title, password, says] of bad) {
    it(title, () => {
      assert.throws(
        () => checkPasswordRules(password, user),
        (thrown) => {
          assert.ok(thrown instanceof AppError);
          assert.equal(thrown.code, 'invalid');
          assert.match(thrown.message, says);
          assert.equal(thrown.message.includes(password), false);
          return true;
        },
      );
    });
  }
});
