import { describe, expect, it } from 'vitest';
import { checkPassword, hashPassword, verifyPassword } from '../../../src/domain/accounts/passwords.ts';

describe('passwords', () => {
  it('are kept as scrypt with a salt of their own, and known again', async () => {
    const [one, two] = await Promise.all([hashPassword('correct horse'), hashPassword('correct horse')]);
    expect(one).toMatch(/^scrypt\$32768\$8\$1\$[\w-]{22}\$[\w-]{43}$/);
    expect(two).not.toBe(one);
    expect(await verifyPassword('correct horse', one)).toBe(true);
    expect(await verifyPassword('correct horse', two)).toBe(true);
    expect(await verifyPassword('Correct horse', one)).toBe(false);
    expect(await verifyPassword('', one)).toBe(false);
  });

  it('are the same however the keyboard composes an accent', async () => {
    const hash = await hashPassword('caf\u00e9 au lait');
    expect(await verifyPassword('cafe\u0301 au lait', hash)).toBe(true);
  });

  it('match nothing where there is no hash, or none of ours', async () => {
    expect(await verifyPassword('', null)).toBe(false);
    expect(await verifyPassword('none', 'none')).toBe(false);
    expect(await verifyPassword('x', '')).toBe(false);
  });

  it.each([
    ['short one', 'alice', 'Use at least 10 characters.'],
    ['x'.repeat(1_025), 'alice', 'Use at most 1,024 characters.'],
    ['Alice.Miller', 'alice.miller', 'Choose a password that is not the user name.'],
    ['Password123', 'alice', 'This password is too easy to guess.'],
    ['aaaaaaaaaaaa', 'alice', 'This password is too easy to guess.'],
  ])('refuse %#: %s', (password, username, message) => {
    expect(() => checkPassword(password, username)).toThrow(
      expect.objectContaining({ status: 400, fields: { password: [message] } }),
    );
  });

  it('accept ten characters or more, counted as a person counts', () => {
    expect(() => checkPassword('correct ho', 'alice')).not.toThrow();
    expect(() => checkPassword('🔑🔒🗝🔐🚪🔑🔒🗝🔐🚪', 'alice')).not.toThrow();
    expect(() => checkPassword('🔑🔒🗝🔐🚪', 'alice')).toThrow();
  });
});
