import { expect, it } from 'vitest';
import { outcomeOf, waitAfter, waitAsked } from '../../../src/domain/webhooks/outcome.ts';
import type { Answer } from '../../../src/domain/webhooks/sender.ts';

const now = new Date('2026-02-01T00:00:00.000Z');

it.each([
  ['7', 7],
  [' 7 ', 7],
  ['0', 0],
  ['3600', 3600],
  ['3601', 3600],
  ['99999999999', 3600],
  ['9'.repeat(400), 3600],
  ['-5', 0],
  ['1.5', 0],
  ['1e9', 0],
  ['NaN', 0],
  ['Infinity', 0],
  ['7, 9', 0],
  ['', 0],
  ['soon', 0],
  ['Sun, 01 Feb 2026 00:00:30 GMT', 30],
  ['Sunday, 01-Feb-26 00:00:30 GMT', 30],
  ['Sat, 31 Jan 2026 23:59:00 GMT', 0],
  ['Fri, 31 Dec 9999 23:59:59 GMT', 3600],
  ['Sun, 99 Feb 2026 00:00:30 GMT', 0],
])('Retry-After %j asks for %d s', (text, seconds) => {
  expect(waitAsked(text, now)).toBe(seconds);
});

it('waits no less than the usual and no more than an hour and a tenth', () => {
  expect([waitAfter(1, 0, 0), waitAfter(4, 0, 0), waitAfter(100, 0, 1)]).toEqual([5_000, 40_000, 3_960_000]);
  expect([waitAfter(1, 30, 0), waitAfter(4, 30, 0)]).toEqual([30_000, 40_000]);
});

const answer = (more: Partial<Answer>): Answer => ({
  status: 200,
  body: '',
  retryAfter: '',
  location: '',
  aborts: false,
  ip: null,
  ms: 1,
  ...more,
});

it('takes nothing for delivered that was not answered whole with 2xx', () => {
  const verdict = (more: Partial<Answer>) => outcomeOf(answer(more), now).verdict;
  expect([200, 204, 299].map((status) => verdict({ status }))).toEqual(['success', 'success', 'success']);
  expect(verdict({ fault: { reason: 'timeout', message: 'No whole answer within 10 s.' } })).toBe('retry');
  expect(verdict({ status: 410, fault: { reason: 'reset', message: 'other side closed' } })).toBe('retry');
  expect([199, 300, 304, 400, 500, 599].map((status) => verdict({ status }))).toEqual(Array(6).fill('retry'));
  expect([verdict({ status: 410 }), verdict({ status: 500, aborts: true })]).toEqual(['dead', 'dead']);
  expect(verdict({ aborts: true })).toBe('success');
});
