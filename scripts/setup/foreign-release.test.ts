import assert from 'node:assert/strict';
import test from 'node:test';
import { pickMirror } from './foreign-release.ts';

const archives = [
  'nodistro main https://node.example.test/',
  'bookworm contrib http://mirror.example.test/debian/',
  'bookworm-updates main http://mirror.example.test/debian/',
  'bookworm main http://security.example.test/debian-security/',
  'bookworm main http://mirror.example.test/debian/',
];

test('the mirror is the one that serves the running release itself', () => {
  assert.equal(pickMirror(archives.join('\n'), 'bookworm'), 'http://mirror.example.test/debian/');
});

test('a mirror configured by the name of its suite is found too', () => {
  assert.equal(pickMirror('stable main http://mirror.example.test/debian/\n', 'bookworm'), 'http://mirror.example.test/debian/');
});

test('without a Debian archive there is no mirror', () => {
  assert.equal(pickMirror('noble main http://mirror.example.test/ubuntu/\n', 'bookworm'), undefined);
  assert.equal(pickMirror('', 'bookworm'), undefined);
});
