import { expect, it } from 'vitest';
import { Gather } from '../../src/base/gather.ts';

/** Answers when it is told to, and notes what it was asked for. */
function slow(most = 10) {
  const asked: number[][] = [];
  const pending: ((fault?: Error) => void)[] = [];
  const gather = new Gather<number, string>((keys) => {
    asked.push(keys);
    return new Promise((resolve, reject) => {
      pending.push((fault) => (fault ? reject(fault) : resolve(new Map(keys.map((key) => [key, `${key}`])))));
    });
  }, most);
  const turn = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  return { asked, gather, turn, answer: (fault?: Error) => pending.shift()!(fault) };
}

it('asks together for what one turn of the event loop brings', async () => {
  const { asked, gather, turn, answer } = slow();
  const answers = Promise.all([gather.get(1), Promise.resolve().then(() => gather.get(2)), gather.get(1)]);
  await turn();
  answer();
  expect(await answers).toEqual(['1', '2', '1']);
  expect(asked).toEqual([[1, 1, 2]]);
});

it('asks anew for what comes while an answer is awaited, as that may be older than the question', async () => {
  const { asked, gather, turn, answer } = slow();
  const first = gather.get(1);
  await turn();
  const later = [gather.get(1), gather.get(2)];
  await turn();
  expect(asked).toEqual([[1]]);
  answer();
  expect(await first).toBe('1');
  await turn();
  answer();
  expect(await Promise.all(later)).toEqual(['1', '2']);
  expect(asked).toEqual([[1], [1, 2]]);
});

it('tells a fault to those who asked, and not to the next', async () => {
  const { gather, turn, answer } = slow();
  const failing = Promise.allSettled([gather.get(1), gather.get(2)]);
  await turn();
  const next = gather.get(3);
  answer(new Error('away'));
  expect((await failing).map((one) => one.status === 'rejected' && one.reason.message)).toEqual(['away', 'away']);
  await turn();
  answer();
  expect(await next).toBe('3');
});

it('asks for no more at once than it may', async () => {
  const { asked, gather, turn, answer } = slow(2);
  const all = Promise.all([1, 2, 3, 4, 5].map((key) => gather.get(key)));
  for (let round = 0; round < 3; round += 1) {
    await turn();
    answer();
    await turn();
  }
  expect(await all).toEqual(['1', '2', '3', '4', '5']);
  expect(asked).toEqual([[1, 2], [3, 4], [5]]);
});
