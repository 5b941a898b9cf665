/**
 * How a repository does, what needs somebody first: its gravest alert that is not over is critical or a warning; no host has opened it;
 * nothing has shown for long that it can be used; none of these.
 */
export const REPOSITORY_STANDINGS = ['critical', 'warning', 'unopened', 'quiet', 'good'] as const;
export type RepositoryStanding = (typeof REPOSITORY_STANDINGS)[number];
