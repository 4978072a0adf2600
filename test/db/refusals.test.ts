import { describe, expect, it } from 'vitest';
import { translate } from '../../src/db/errors.ts';

/** As the drivers throw them; met on PostgreSQL 15 and MariaDB 10.11. */
describe('a database that refuses', () => {
  it.each([
    ['postgres', { code: '42501', message: 'permission denied for table assets' }, 'Give it SELECT, INSERT'],
    [
      'postgres',
      { code: '55000', message: 'database "x" is not currently accepting connections' },
      'cannot be reached',
    ],
    [
      'mysql',
      { errno: 1142, message: "INSERT command denied to user 'a'@'b' for table 'assets'" },
      'Give it SELECT, INSERT',
    ],
    ['sqlite', { code: 'SQLITE_ERROR', message: 'SQLITE_ERROR: no such table: change_log' }, 'being restored'],
    ['postgres', { code: '42P01', message: 'relation "change_log" does not exist' }, 'being restored'],
    ['mysql', { errno: 1146, message: "Table 'a.change_log' doesn't exist" }, 'being restored'],
  ] as const)('is a 503 that says what to do (%s, %j)', (dialect, fault, part) => {
    const error = translate(fault, dialect);
    expect(error).toMatchObject({ status: 503, retryAfter: 5, message: expect.stringContaining(part) });
  });

  it('in another state keeps its own words', () => {
    const fault = { code: '55000', message: 'currval of sequence is not yet defined' };
    expect(translate(fault, 'postgres')).toBe(fault);
  });
});
