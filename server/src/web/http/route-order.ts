/**
 * Routes in the order in which they must be asked: `/hosts/new` before `/hosts/:host`, whatever the order of the tables.
 * Equal ranks keep their order.
 */
export function sortByPath<R extends { path: string }>(routes: readonly R[]): readonly R[] {
  return [...routes].sort((a, b) => compareRanks(rank(a.path), rank(b.path)));
}

/** One letter per segment: a fixed one sorts before a parameter. */
function rank(path: string): string {
  return path
    .split('/')
    .map((segment) => (segment.startsWith(':') ? '1' : '0'))
    .join('');
}

function compareRanks(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
