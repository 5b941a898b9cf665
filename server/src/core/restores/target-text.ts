/** What may stand in the name of the place that a restore goes to. */
import { posix } from 'node:path';

const ONE_LINE = /^[^\u0000-\u001f\u007f]*$/u;

/** One line of text: what a file system or a database server can be given as a name and a person can read in a list. */
export const isOneLine = (text: string): boolean => ONE_LINE.test(text) && text.isWellFormed();

/** Whether an absolute path is the root itself, however it is written: it always exists and is never empty. */
export const isRoot = (path: string): boolean => posix.normalize(path) === '/';

export const ROOT_REFUSED = 'Target: must be a new or empty directory, not the root of the host';
