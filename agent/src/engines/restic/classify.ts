/**
 * From restic's exit code and words to a reason. Pure. Codes count only in versions that have them; then the text of the fatal
 * error decides, then the retries it talked about before it was stopped. What nobody knows is a failure, never a success.
 */
import type { Reason } from '@holdfast/shared/domain/reason.ts';
import { TEXT } from '@holdfast/shared/limits.ts';
import type { Ending } from '../../exec/contract.ts';
import { saysOutOfMemory } from '../../exec/memory-words.ts';
import type { Capabilities } from './capabilities.ts';
import { findLockHolder, isRetryLine, type LockHolder, parseMessage } from './parse.ts';

export interface EngineFailure {
  reason: Reason;
  /** restic's own words, without stack traces and control characters, ready to be shown. */
  message: string;
  /** Set for `repository_locked` where restic says who. */
  lock?: LockHolder | undefined;
}

export interface FailedProcess {
  exitCode: number | null;
  signal: string | null;
  stderr: string;
  ending: Ending;
  spawnError?: string | undefined;
  /** The memory limit it ran under, if any. */
  memoryMiB?: number | undefined;
}

/** What restic was doing: some words mean another thing when it writes to the host's disk. */
export type Operation = 'backup' | 'restore' | 'other';

/** First match wins; the narrow ones stand before the wide ones. */
const TEXTS: readonly (readonly [RegExp, Reason])[] = [
  [/repository is already locked/i, 'repository_locked'],
  [/wrong password or no key found|an empty password is not/i, 'repository_password'],
  [/resolving password failed/i, 'secrets_unreadable'],
  [/config file already exists|already initialized/i, 'repository_exists'],
  [/restic-temp-pack-.*no space left on device|no space left on device.*restic-temp-pack-/is, 'disk_full'],
  // A file of the cache, which is this host's; the next attempt goes without one where there is no room for it.
  [/\/tmp-\d+: no space left on device/i, 'disk_full'],
  [
    /no space left on device|disk quota exceeded|\(507\)|507 Insufficient Storage|QuotaExceeded|StorageFull|SSH_FX_NO_SPACE/i,
    'repository_full',
  ],
  [
    /ciphertext verification failed|invalid data returned|is damaged|hash mismatch|Unmarshal: |invalid character .{1,20} looking for/i,
    'repository_damaged',
  ],
  [
    /<(?:data|index|key|tree)\/[0-9a-f]+>.{0,300}(?:no such file|not exist|does not exist|\(404\)|\b404 Not Found|unexpected: 404\b)|not found in (?:the )?(?:index|repository)/is,
    'repository_damaged',
  ],
  // Old versions stumble over damaged packs instead of refusing them.
  [
    /panic: runtime error: (?:slice bounds|makeslice|index out of range|invalid memory)|panic: .{0,200}(?:blob|pack|decrypt|length)/i,
    'repository_damaged',
  ],
  [/no matching ID found|failed to find snapshot|not found in snapshot/i, 'snapshot_missing'],
  [/failed to load snapshot .{0,300}(?:no such file|does not exist|not exist)/is, 'snapshot_missing'],
  [/all (?:target|source) directories\/files do not exist/i, 'source_missing'],
  [/snapshot is empty|no data read/i, 'size_below_floor'],
  [
    /response \((?:401|403)\)|\b(?:401 Unauthorized|403 Forbidden)\b|server response unexpected: 40[13]|Access ?Denied|InvalidAccessKeyId|SignatureDoesNotMatch|Access Key Id you provided|request signature we calculated|Permission denied \(|Too many authentication failures|no supported methods remain/i,
    'repository_credentials',
  ],
  [
    /connection refused|no such host|x509:|tls: |HTTP response to HTTPS client|i\/o timeout|Client\.Timeout|deadline exceeded|network is unreachable|no route to host|connection reset|connection timed out|operation timed out|Could not resolve hostname|name resolution|Host key verification failed|ssh: |unexpected EOF|response \(5\d\d\)|response unexpected: 5\d\d|stale NFS file handle|input\/output error|transport endpoint is not connected/im,
    'repository_unreachable',
  ],
  [
    /repository does not exist|unable to open config file: .{0,500}(?:no such file|not exist|does not exist)|specified bucket does not exist|specified key does not exist/is,
    'repository_missing',
  ],
  [/permission denied|operation not permitted|read-only file system/i, 'repository_credentials'],
];

/** Where restic writes to the host's own disk, the same words are about the host. */
const RESTORE_TEXTS: readonly (readonly [RegExp, Reason])[] = [
  [/no space left on device|disk quota exceeded/i, 'disk_full'],
  [
    /cannot create target directory|(?:mkdir|open|symlink|mknod|rename) .*: (?:permission denied|read-only file system)/i,
    'target_refused',
  ],
];

/** Words that say little; asked last, when nothing around them says more. */
const WEAK_TEXTS: readonly (readonly [RegExp, Reason])[] = [
  [/unable to start the sftp session|: EOF$/im, 'repository_unreachable'],
];

type Table = readonly (readonly [RegExp, Reason])[];

function findInTable(text: string, table: Table): Reason | undefined {
  return text === '' ? undefined : table.find(([pattern]) => pattern.test(text))?.[1];
}

/** The newest line that says something known: what restic tried last is what stopped it. */
function findInLines(lines: readonly string[], table: Table): { reason: Reason; line: string } | undefined {
  for (const line of lines.toReversed()) {
    const reason = findInTable(line, table);
    if (reason !== undefined) return { reason, line };
  }
  return undefined;
}

const REASON_BY_CODE: readonly (readonly [number, Reason, (capabilities: Capabilities) => boolean])[] = [
  [10, 'repository_missing', (capabilities) => capabilities.exitCodeRepositoryMissing],
  [11, 'repository_locked', (capabilities) => capabilities.exitCodeLocked],
  [12, 'repository_password', (capabilities) => capabilities.exitCodePassword],
];

interface Words {
  /** The fatal error itself. */
  verdict: string;
  /** Errors of single files, of a restore or a backup. */
  items: string[];
  /** Everything else in plain text: retries, warnings, what ssh says. */
  rest: string[];
}

const STACK_LINE = /^\s|^goroutine \d+ \[|^(?:github\.com|golang\.org|gopkg\.in|google\.golang\.org|runtime|main|net|os)[./]/;

function sortWords(stderr: string): Words {
  const verdict: string[] = [];
  const items: string[] = [];
  const rest: string[] = [];
  let inVerdict = false;
  for (const line of stderr.split('\n')) {
    const message = parseMessage(line);
    if (message?.message_type === 'exit_error') verdict.push(message.message);
    else if (message?.message_type === 'error') items.push(message.error?.message ?? '');
    else if (message !== undefined || line.trim() === '' || STACK_LINE.test(line) || /signal \w+ received/.test(line)) continue;
    else if (isRetryLine(line)) rest.push(line);
    else if (line.startsWith('ignoring error for ')) items.push(line);
    else {
      // A fatal text runs over several lines: a missing repository names its place in the next two.
      if (line.startsWith('Fatal: ')) inVerdict = true;
      (inVerdict ? verdict : rest).push(line);
    }
  }
  return { verdict: verdict.join('\n'), items, rest };
}

/** Without control characters and colours; bounded. */
export function cleanText(text: string, chars: number = TEXT.errorChars): string {
  const clean = text
    .replaceAll(/\u001b\[[0-9;?]*[A-Za-z]/g, '')
    .replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '')
    .trim();
  return clean.length > chars ? `${clean.slice(0, chars - 2)} …` : clean;
}

/** A name from a disk in one line for people: what would break the line, move the cursor or turn text around stands there as its number. */
export function showName(name: string): string {
  return name.replaceAll(
    /[\p{Cc}\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function chooseMessage(words: Words, decisive: string | undefined, fallback: string): string {
  // Being stopped is what happened to restic, not what was wrong.
  const verdict = /context canceled/.test(words.verdict) ? '' : words.verdict;
  const chosen = [decisive, verdict, words.items[0], words.rest.at(-1), words.verdict].find(
    (text) => text !== undefined && text.trim() !== '',
  );
  const text = (chosen ?? fallback)
    .replace(/^Fatal: /, '')
    .replace(/\nthe `unlock` command can be used to remove stale locks\s*$/, '')
    .replaceAll('\nIs there a repository at the following location?', ' Looked at:');
  // Kept well below the limit, so that advice fits behind it.
  return cleanText(text, 2000) || fallback;
}

function describeEnd(process: FailedProcess): string {
  if (process.signal !== null) return `restic was ended by ${process.signal}.`;
  return `restic ended with exit code ${process.exitCode ?? 'unknown'}.`;
}

/** For a tool that said it got no more memory while it ran under a limit. */
export function describeShortage(tool: string, memoryMiB: number): EngineFailure {
  return { reason: 'memory_limit', message: `${tool} needs more memory than the ${memoryMiB} MiB that this run may take.` };
}

/** Call only for what did not succeed: there is always a reason in the answer. */
export function classifyFailure(
  process: FailedProcess,
  capabilities: Capabilities,
  operation: Operation = 'other',
): EngineFailure {
  if (process.spawnError !== undefined) {
    return { reason: 'tool_missing', message: `restic could not be started (${cleanText(process.spawnError, 100)}).` };
  }
  if (process.ending === 'cancelled') return { reason: 'cancelled', message: 'Cancelled.' };
  if (process.memoryMiB !== undefined && saysOutOfMemory(process.stderr)) return describeShortage('restic', process.memoryMiB);
  const words = sortWords(process.stderr);
  const table = operation === 'restore' ? [...RESTORE_TEXTS, ...TEXTS] : TEXTS;
  const known = findReason(process, capabilities, operation);
  // When ssh fails, restic only sees its session end; what ssh itself said stands in the other lines.
  const isBlind = /unable to start the sftp session/.test(words.verdict);
  const byVerdict = known ?? (isBlind ? undefined : findInTable(words.verdict, table));
  const byLine = byVerdict === undefined ? (findInLines(words.items, table) ?? findInLines(words.rest, table)) : undefined;
  const reason = byVerdict ?? byLine?.reason ?? findInTable(words.verdict, WEAK_TEXTS) ?? guess(process, operation);
  const lock = reason === 'repository_locked' ? findLockHolder(`${words.verdict}\n${words.rest.join('\n')}`) : undefined;
  return { reason, message: chooseMessage(words, byLine?.line, describeEnd(process)), lock };
}

/** From the exit code, where this version's code has one meaning. */
function findReason(process: FailedProcess, capabilities: Capabilities, operation: Operation): Reason | undefined {
  if (process.exitCode === 3 && operation === 'backup') return 'files_unreadable';
  return REASON_BY_CODE.find(([code, , isKnown]) => code === process.exitCode && isKnown(capabilities))?.[1];
}

/** Where no word is known: from how it ended. */
function guess(process: FailedProcess, operation: Operation): Reason {
  if (process.ending === 'stalled') return 'stalled';
  if (process.ending === 'timed_out') return 'repository_unreachable';
  // Nobody here asked it to stop: the host did, by a signal or for want of memory.
  if (process.signal !== null || process.exitCode === 130) return 'interrupted';
  return operation === 'restore' ? 'restore_failed' : 'unknown_failure';
}
