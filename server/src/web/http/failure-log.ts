/** A failure becomes one line in the log, where it is turned into an answer. */
import type { HttpError } from './http-error.ts';
import type { RequestScope } from './request-scope.ts';

/** What the asker did wrong is in the access line already; what went wrong here is logged with its cause. */
export function logFailure(scope: RequestScope, failure: HttpError, thrown: unknown): void {
  if (scope.isLogged) return;
  scope.isLogged = true;
  const fields = { code: failure.error.code, status: failure.status };
  if (failure.status >= 500) scope.log.error({ ...fields, err: thrown }, 'the request failed');
  else if (failure.status !== 401 && failure.status !== 404) scope.log.warn({ ...fields, why: failure.message }, 'refused');
}
