/** What Node compiled, for all processes of the tests, from the root of the project: without a cache each of them strips the same types again. */
export const TEST_CACHE = 'node_modules/.cache/holdfast-tests';
