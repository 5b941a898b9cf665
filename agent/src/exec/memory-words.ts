/** How programs say that they were refused memory. Pure. */

/**
 * Go's runtime (restic, rclone), C programs by strerror(ENOMEM) or in their own words (PostgreSQL, MariaDB), the dynamic loader, C++.
 * None of them says whose refusal it was: ask only where a limit was set.
 */
const WORDS =
  /\bout of memory\b|cannot allocate memory|failed to reserve (?:page summary )?memory|cannot map pages in arena|pthread_create failed: Resource temporarily unavailable|failed to map segment from shared object|std::bad_alloc|memory exhausted/i;

/** Whether a program's standard error shows that it ended for want of memory. */
export function saysOutOfMemory(stderr: string): boolean {
  return WORDS.test(stderr);
}
