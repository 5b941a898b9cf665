/**
 * Paths as a snapshot stores them. A name on a disk is bytes, and not every one is UTF-8; between agent, server and browser paths travel as text.
 * Each byte that is no UTF-8 stands there as one letter of a private plane (U+F0080 to U+F00FF), so that any name can go there and
 * back unchanged. Letters of a name that lie in that range themselves are written byte by byte as well, so that no two names look alike.
 */
import * as z from 'zod';
import { TEXT } from '../limits.ts';

const PLANE = 0xf0000;
const STRAY = /[\u{f0080}-\u{f00ff}]/gu;

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

function expectLength(lead: number): number {
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead < 0xe0) return 2;
  if (lead >= 0xe0 && lead < 0xf0) return 3;
  return lead >= 0xf0 && lead < 0xf5 ? 4 : 0;
}

function decodeLetter(bytes: Uint8Array, from: number): string | undefined {
  const length = expectLength(bytes[from] ?? 0);
  if (length === 0 || from + length > bytes.length) return undefined;
  try {
    return decoder.decode(bytes.subarray(from, from + length));
  } catch {
    return undefined;
  }
}

function readBytes(bytes: Uint8Array, onStray: (byte: number) => string, onLetter: (letter: string) => string): string {
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const letter = decodeLetter(bytes, at);
    text += letter === undefined ? onStray(bytes[at] ?? 0) : onLetter(letter);
    at += letter === undefined ? 1 : encoder.encode(letter).length;
  }
  return text;
}

const markByte = (byte: number): string => String.fromCodePoint(PLANE + byte);

/** The same name, whose letters of the private range are written byte by byte. */
function guardLetter(letter: string): string {
  return letter.search(STRAY) < 0 ? letter : [...encoder.encode(letter)].map(markByte).join('');
}

/** Any name or path of a disk as text. */
export function toStoredText(bytes: Uint8Array): string {
  return readBytes(bytes, markByte, guardLetter);
}

/** The bytes again. */
export function toStoredBytes(text: string): Uint8Array {
  const parts: number[] = [];
  for (const letter of text) {
    const point = letter.codePointAt(0) ?? 0;
    if (point >= PLANE + 0x80 && point <= PLANE + 0xff) parts.push(point - PLANE);
    else parts.push(...encoder.encode(letter));
  }
  return Uint8Array.from(parts);
}

/** Whether every byte of the name is UTF-8: only then a tool can be told of it in its arguments. */
export function isPlainText(text: string): boolean {
  return text.search(STRAY) < 0;
}

/** As tools list it that write U+FFFD for each byte they cannot read; several names may look the same. */
export function toListedText(text: string): string {
  if (isPlainText(text)) return text;
  return readBytes(
    toStoredBytes(text),
    () => '\ufffd',
    (letter) => letter,
  );
}

/** For people: a byte that is no UTF-8 as its number, what breaks a line or turns text around as well. */
export function showStoredText(text: string): string {
  return readBytes(
    toStoredBytes(text),
    (byte) => `\\x${byte.toString(16)}`,
    (letter) => (/[\p{Cc}\p{Cf}\u2028\u2029]/u.test(letter) ? `\\u{${(letter.codePointAt(0) ?? 0).toString(16)}}` : letter),
  );
}

/** The names on the way from the root; none for the root itself. */
export function splitStoredPath(path: string): readonly string[] {
  return path.split('/').filter((name) => name !== '');
}

export function joinStoredPath(directory: string, name: string): string {
  return directory === '/' ? `/${name}` : `${directory}/${name}`;
}

/** The directory a path lies in; the root's is the root. */
export function findParentPath(path: string): string {
  return `/${splitStoredPath(path).slice(0, -1).join('/')}`;
}

/** The deepest directory in which all of them lie; for one path the directory it lies in. */
export function findCommonParent(paths: readonly string[]): string {
  const [first = [], ...others] = paths.map((path) => splitStoredPath(path).slice(0, -1));
  const shared = first.findIndex((name, at) => others.some((names) => names[at] !== name));
  return `/${(shared < 0 ? first : first.slice(0, shared)).join('/')}`;
}

/** Whether `path` is `place` or lies below it. */
export function isAtOrBelow(path: string, place: string): boolean {
  return place === '/' || path === place || path.startsWith(`${place}/`);
}

/** Without those that lie below another one of the list, and none twice. */
export function dropCovered(paths: readonly string[]): string[] {
  const kept: string[] = [];
  for (const path of [...new Set(paths)].sort((one, other) => one.length - other.length))
    if (!kept.some((place) => isAtOrBelow(path, place))) kept.push(path);
  return kept;
}

const NAMES = /^\/(?:[^/\0]+(?:\/[^/\0]+)*)?$/u;

/** An absolute path inside a snapshot, as text: no empty name in it, none that climbs, no NUL. */
export const storedPathSchema = z
  .string()
  .max(TEXT.pathChars)
  .regex(NAMES)
  .refine((path) => !splitStoredPath(path).some((name) => name === '.' || name === '..') && path.isWellFormed());
