/** Lists that are short by their own limit, read as a whole. */
import { HTTP } from '@holdfast/shared/limits.ts';
import type { Page, PageRequest } from '../store/page.ts';

/** All rows, page by page. Only for what a limit keeps to some hundreds, such as `COUNTS`. */
export async function readWholeList<T>(list: (page: PageRequest) => Promise<Page<T>>): Promise<readonly T[]> {
  const all: T[] = [];
  let after: string | undefined;
  do {
    const page = await list({ limit: HTTP.pageSizeMax, after });
    all.push(...page.rows);
    after = page.next;
  } while (after !== undefined);
  return all;
}
