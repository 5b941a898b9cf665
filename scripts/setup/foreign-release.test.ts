import assert from 'node:assert/strict';
import test from 'node:test';
import { pickLibraries, pickMirror } from './foreign-archives.ts';

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

test('beside the wanted packages only libraries are fetched', () => {
  const simulated = [
    'NOTE: This is only a simulation!',
    'Inst gcc-16-base (16-1 Debian:unstable [amd64]) []',
    'Inst libc6 (2.41-1 Debian:unstable [amd64])',
    'Inst perl-base (5.40.1-2 Debian:unstable [amd64])',
    'Inst libperl5.40 (5.40.1-2 Debian:unstable [amd64])',
    'Inst mysql-server-core:amd64 (9.7.4-2 Debian:unstable [amd64])',
    'Conf libc6 (2.41-1 Debian:unstable [amd64])',
  ];
  assert.deepEqual(pickLibraries(simulated.join('\n'), ['mysql-server-core']), ['libc6', 'mysql-server-core']);
});
