/**
 * The first fields of a custom-format archive: magic, version, sizes of numbers, format, compression, time, then the name of the
 * database, the server's version and the client's version, each with its length before it.
 */
import { findPgMajor } from './tools.ts';

/** Enough for a name of 63 bytes and the two versions with what distributions add to them. */
export const HEAD_BYTES = 1024;

/** Time as seven numbers. */
const TIME_NUMBERS = 7;
/** From archive version 1.15 on, compression is one byte; before, a number. */
const BYTE_COMPRESSION = 15;

/** The version of the server an archive was dumped from, such as `15.18 (Debian 15.18-0+deb12u1)`; undefined for anything else. */
export function readArchiveHead(head: string): { serverVersion: string } | undefined {
  const byteAt = (at: number) => head.charCodeAt(at) & 0xff;
  if (!head.startsWith('PGDMP') || byteAt(5) !== 1) return undefined;
  const minor = byteAt(6);
  const numberBytes = byteAt(8);
  // A number is a sign and its bytes, the least first.
  let at = 11;
  const readNumber = (): number => {
    let value = 0;
    for (let index = numberBytes; index >= 1; index -= 1) value = value * 256 + byteAt(at + index);
    const isNegative = byteAt(at) !== 0;
    at += numberBytes + 1;
    return isNegative ? -value : value;
  };
  const readText = (): string => {
    const length = readNumber();
    if (!(length > 0)) return '';
    const text = head.slice(at, at + length);
    at += length;
    return text.length === length ? text : '';
  };
  if (minor >= BYTE_COMPRESSION) at += 1;
  else readNumber();
  for (let index = 0; index < TIME_NUMBERS; index += 1) readNumber();
  readText();
  const serverVersion = readText();
  return findPgMajor(serverVersion) === undefined ? undefined : { serverVersion };
}

/** Only the major version decides: the minor ones understand each other. */
export function isOlderPg(serverVersion: string, dumpedFrom: string): boolean {
  const server = findPgMajor(serverVersion);
  const dumped = findPgMajor(dumpedFrom);
  return server !== undefined && dumped !== undefined && server < dumped;
}
