/** The first of very many in an order, without putting all of them in order. Pure. */

/** So many times the wanted ones are gathered before they are put in order once: each is looked at a few times at most. */
const GATHERED = 4;

/**
 * The first `count` of these, in the order of `compare`; equal ones stay as they came, as in a whole sort. Quickest when they come in an order
 * near to it: each that is not among the first by then costs one comparison.
 */
export function takeFront<T>(items: Iterable<T>, count: number, compare: (a: T, b: T) => number): readonly T[] {
  if (count <= 0) return [];
  const front: T[] = [];
  let last: T | undefined;
  const settle = (): void => {
    front.sort(compare);
    if (front.length > count) front.length = count;
    if (front.length === count) last = front[count - 1];
  };
  for (const item of items) {
    if (last !== undefined && compare(last, item) <= 0) continue;
    front.push(item);
    if (front.length >= GATHERED * count) settle();
  }
  settle();
  return front;
}
