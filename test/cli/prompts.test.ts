import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/base/paths.ts';
import { ensureBuilt, program, spawned } from './spawn.ts';

beforeAll(ensureBuilt);

/** Runs `code` over the built prompts in a process whose standard input is `input`. */
const prompted = (code: string, input = '') => {
  const script = `
    import * as prompts from '${packageRoot}/dist/src/cli/prompts.js';
    try { console.log(JSON.stringify(await ${code})); } catch (error) { console.log(error.name + ': ' + error.message); }`;
  return spawned(process.execPath, ['--input-type=module', '-e', script], { input });
};

describe('where there is no terminal', () => {
  it.each([
    ['ask', "prompts.ask({ message: 'First admin', flag: '--admin' })", '--admin'],
    ['confirm', "prompts.confirm({ message: 'Go on?', flag: '--yes' })", '--yes'],
    ['choose', "prompts.choose({ message: 'Role', flag: '--role', choices: ['a'] })", '--role'],
    ['readPassword', "prompts.readPassword({ label: 'Password' })", '--password-stdin'],
  ])('%s fails at once and names the flag', async (_, code, flag) => {
    const { stdout } = await prompted(code);
    expect(stdout).toMatch(/^ConfigError: /);
    expect(stdout).toContain(flag);
  });
});

describe('a password from standard input', () => {
  const read = (input: string) => prompted("prompts.readPassword({ passwordStdin: true, label: 'Password' })", input);

  it.each([
    ['correct horse', '"correct horse"'],
    ['correct horse\n', '"correct horse"'],
    ['correct horse\r\n', '"correct horse"'],
    [' blanks stay \n', '" blanks stay "'],
    ['пароль', '"пароль"'],
  ])('%j is read without its line end', async (input, password) => {
    expect((await read(input)).stdout).toBe(`${password}\n`);
  });

  it.each([
    ['', 'no password'],
    ['\n', 'no password'],
    ['one\ntwo\n', 'more than one line'],
  ])('%j is refused', async (input, reason) => {
    expect((await read(input)).stdout).toContain(reason);
  });
});

describe.skipIf(!existsSync('/usr/bin/script'))('on a terminal', () => {
  it('Ctrl-C at a prompt ends with 130, without a trace, and leaves nothing behind', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'assetra-prompt-'));
    const dir = join(folder, 'site');
    const terminal = spawn('/usr/bin/script', [
      '-qec',
      `'${process.execPath}' '${program}' init --dir '${dir}'`,
      '/dev/null',
    ]);
    let shown = '';
    terminal.stdout.setEncoding('utf8').on('data', (text: string) => {
      const asked = shown.includes('tenant');
      shown += text;
      if (!asked && shown.includes('tenant')) terminal.stdin.write('\u0003');
    });
    const [code] = await once(terminal, 'close');
    expect([code, existsSync(dir)]).toEqual([130, false]);
    expect(shown).not.toMatch(/assetra:|Error| {4}at /);
    rmSync(folder, { recursive: true });
  });
});
