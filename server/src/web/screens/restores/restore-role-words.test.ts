import assert from 'node:assert/strict';
import { it } from 'node:test';
import { describeRoles } from './restore-role-words.ts';

const ANSWER = {
  user: 'holdfast',
  mayCreate: true,
  missingCount: 0,
  missing: [],
  forbiddenCount: 0,
  standingCount: 0,
  unknown: 0,
};

it('The roles that a restore would make are named, with who may make them, and hostile names stay on their line', () => {
  const [none] = describeRoles({ ...ANSWER, standingCount: 2 });
  assert.match(String(none?.text), /^No role is made\. Already there, and left as they are: 2\sroles\.$/);
  const missing = Array.from({ length: 25 }, (_, at) => ({ name: at === 0 ? 'odd\n"x"\u202e' : `r${at}`, isPowerful: at === 1 }));
  const [made, refused, unknown] = describeRoles({ ...ANSWER, missing, missingCount: 27, forbiddenCount: 1, unknown: 3 });
  assert.match(String(made?.text), /^27\sroles would be made: “odd�"x"�”, “r1” \(superuser.*\), “r2”.* and 7 more\.$/);
  assert.match(String(refused?.text), /may not make 1 of them: that takes a superuser/);
  assert.match(String(unknown?.text), /: 3\sstored statements about roles\.$/);
  const [, nobody] = describeRoles({ ...ANSWER, mayCreate: false, missing, missingCount: 27, forbiddenCount: 27 });
  assert.match(String(nobody?.text), /may make no roles: that takes CREATEROLE/);
});
