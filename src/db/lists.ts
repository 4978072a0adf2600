/** Lists of values in SQL. */
import type { Value } from './dialect.ts';

/** `(?, ?, …)` with its values, the last repeated up to a power of two, so that there are few texts to prepare. Never empty. */
export function listOf<V extends Value>(values: readonly V[]): { marks: string; params: V[] } {
  const count = 2 ** Math.ceil(Math.log2(Math.max(values.length, 1)));
  const params = Array.from({ length: count }, (_, index) => values[Math.min(index, values.length - 1)]!);
  return { marks: `(${params.map(() => '?').join(', ')})`, params };
}
