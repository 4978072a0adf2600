import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { globalFlags, type Registered, wordsOf } from '../../src/cli/command.ts';
import { groups, sections } from '../../src/cli/commands.ts';
import { buildProgram, silentWriters } from '../../src/cli/program.ts';
import { assetra, ensureBuilt, program, spawned } from './spawn.ts';

const folder = mkdtempSync(join(tmpdir(), 'assetra-cli-'));
beforeAll(ensureBuilt);
afterAll(() => rmSync(folder, { recursive: true }));

const commands: Registered[] = sections.flatMap((section) => section.commands);
const named = (command: Registered) => wordsOf(command.definition).join(' ');

/** The help of a command, as `assetra WORDS --help` prints it. */
async function helpOf(words: string[]): Promise<string> {
  let text = '';
  const out = (part: string) => {
    text += part;
  };
  await buildProgram(async () => undefined, { ...silentWriters, out })
    .parseAsync([...words, '--help'], { from: 'user' })
    .catch(() => undefined);
  return text;
}

describe('help', () => {
  it('lists the commands on standard output', async () => {
    const { code, stdout, stderr } = await assetra(['--help']);
    expect([code, stderr]).toEqual([0, '']);
    for (const command of commands.filter(({ definition }) => !definition.hidden)) {
      expect(stdout).toMatch(new RegExp(`^  ${wordsOf(command.definition)[0]}\\b`, 'm'));
    }
  });

  it.each(commands.map((command) => [named(command), command]))(
    'of "%s" has an example of it',
    async (name, command) => {
      const help = await helpOf(wordsOf(command.definition));
      expect(help).toContain(`$ assetra ${name}`);
      for (const flag of globalFlags) expect(help).toContain(flag.spec);
    },
  );

  it.each(commands.map((command) => [named(command), command]))(
    'of "%s" shows examples that are accepted',
    async (_, command) => {
      for (const example of command.definition.examples) {
        const line = example.replace(/^source <\((.*)\)$/, '$1').replace(/ [<>] \S+$/, '');
        const argv = line.match(/"[^"]*"|\S+/g)!.map((word) => word.replaceAll('"', ''));
        const ran: string[] = [];
        const parsed = buildProgram(async (chosen) => void ran.push(named(chosen)), silentWriters);
        await parsed.parseAsync(argv.slice(1), { from: 'user' });
        expect(ran).toEqual([named(command)]);
      }
    },
  );

  it('has a sentence for every group', () => {
    const first = commands.map((command) => wordsOf(command.definition)).filter((words) => words.length > 1);
    for (const [group] of first) expect(groups[group!], group).toBeTruthy();
  });

  it('loads no package but commander', async () => {
    const coverage = join(folder, 'loaded');
    await assetra(['--help'], { env: { NODE_V8_COVERAGE: coverage } });
    const reports = readdirSync(coverage).map((file) => readFileSync(join(coverage, file), 'utf8'));
    const urls = reports.flatMap((text) => JSON.parse(text).result.map((script: { url: string }) => script.url));
    const packages = urls.flatMap((url: string) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? []);
    expect([...new Set(packages)]).toEqual(['commander']);
  });

  it('answers --version with that of package.json', async () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
    expect((await assetra(['--version'])).stdout).toBe(`${version}\n`);
  });
});

describe('wrong use', () => {
  it.each([
    [['confg'], "assetra: Unknown command 'confg' (Did you mean config?)\n"],
    [['config', 'shw'], "assetra: Unknown command 'shw' (Did you mean show?)\n"],
    [['config', 'show', '--jsn'], "assetra: Unknown option '--jsn' (Did you mean --json?)\n"],
    [['completion'], "assetra: Missing required argument 'shell'\n"],
    [['config', 'check', 'twice'], "assetra: Too many arguments for 'check'. Expected 0 arguments but got 1.\n"],
  ])('%j ends with 2 and one sentence', async (args, sentence) => {
    expect(await assetra(args)).toEqual({ code: 2, stdout: '', stderr: sentence });
  });

  it('without a command shows the help, on standard error', async () => {
    const { code, stdout, stderr } = await assetra(['config']);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^Usage: assetra config/);
  });

  it('with --json is one JSON document on standard error', async () => {
    const { code, stdout, stderr } = await assetra(['config', 'shw', '--json']);
    expect([code, stdout]).toEqual([2, '']);
    expect(JSON.parse(stderr)).toEqual({ error: "Unknown command 'shw' (Did you mean show?)", code: 'usage' });
    expect(JSON.parse((await assetra(['config', '--json'])).stderr).error).toContain('Name a command');
  });
});

describe('wrong settings', () => {
  it('are told all at once, exit 2, without a stack', async () => {
    const env = { ASSETRA_PORT: 'http', JWT_ACCESS_MIN: '0' };
    const { code, stdout, stderr } = await assetra(['config', 'check', '--dir', folder], { env });
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toBe(
      'assetra: 2 settings are wrong:\n' +
        '  ASSETRA_PORT must be a whole number from 0 to 65535, not "http"\n' +
        '  JWT_ACCESS_MIN must be a whole number from 1 to 1440, not "0"\n',
    );
  });

  it('with --json come by name', async () => {
    const env = { ASSETRA_PORT: 'http', DATABASE_URL: 'oracle://x' };
    const { stderr } = await assetra(['config', 'check', '--json'], { env });
    expect(Object.keys(JSON.parse(stderr).fields)).toEqual(['ASSETRA_PORT', 'DATABASE_URL']);
  });

  it('show where they were found only with --debug', async () => {
    const dir = join(folder, 'odd');
    mkdirSync(join(dir, 'assetra.env'), { recursive: true });
    const quiet = await assetra(['config', 'check', '--dir', dir]);
    expect(quiet).toMatchObject({ code: 2, stderr: expect.stringMatching(/^assetra: .* cannot be read: EISDIR\.\n$/) });
    const loud = await assetra(['config', 'check', '--dir', dir, '--debug']);
    expect(loud.stderr).toMatch(/\n {4}at .*[\s\S]*Caused by Error: EISDIR/);
  });
});

describe('config', () => {
  it('show says where each value comes from, and no secret', async () => {
    const dir = join(folder, 'site');
    mkdirSync(dir);
    writeFileSync(join(dir, 'assetra.env'), 'ASSETRA_PORT=81\nDATABASE_URL=postgres://ann:hunter2@db/plant\n');
    const { code, stdout } = await assetra(['config', 'show', '--dir', dir, '--json'], {
      env: { ASSETRA_HOST: '::1' },
    });
    expect(code).toBe(0);
    expect(stdout).not.toContain('hunter2');
    const settings = new Map(JSON.parse(stdout).map((row: { name: string }) => [row.name, row]));
    expect(settings.get('ASSETRA_PORT')).toMatchObject({ value: '81', source: 'file' });
    expect(settings.get('ASSETRA_HOST')).toMatchObject({ value: '::1', source: 'environment' });
    expect((await assetra(['config', 'show', '--dir', dir])).stdout).toMatch(/^ASSETRA_PORT +81 +file$/m);
  });

  it('takes the global flags before the command too', async () => {
    const { stdout } = await assetra(['--json', '--dir', folder, 'config', 'check']);
    expect(JSON.parse(stdout)).toMatchObject({ valid: true, dir: folder, database: 'sqlite' });
  });
});

describe('completion', () => {
  const completed = (words: string[]) => {
    const list = words.map((word) => `'${word}'`).join(' ');
    const script = `source <(node '${program}' completion bash)
      COMP_WORDS=(${list}); COMP_CWORD=${words.length - 1}; _assetra; echo "\${COMPREPLY[@]}"`;
    return execFileSync('bash', ['-c', script], { encoding: 'utf8' }).trim().split(' ');
  };

  it('is a script that bash reads', async () => {
    const { stdout } = await assetra(['completion', 'bash']);
    execFileSync('bash', ['-n'], { input: stdout });
  });

  it('offers commands, then their subcommands, flags and values', () => {
    expect(completed(['assetra', 'conf'])).toEqual(['config']);
    expect(completed(['assetra', 'config', ''])).toEqual(expect.arrayContaining(['show', 'check', '--json']));
    expect(completed(['assetra', 'config', 'show', '--d'])).toEqual(['--dir', '--debug']);
    expect(completed(['assetra', 'completion', ''])).toEqual(expect.arrayContaining(['bash', 'zsh', 'fish']));
    expect(completed(['assetra', '--dir', '/tmp', 'config', 'sh'])).toEqual(['show']);
  });

  it.each(['zsh', 'fish'])('of %s names every command', async (shell) => {
    const { code, stdout } = await assetra(['completion', shell]);
    expect(code).toBe(0);
    const words = commands
      .filter(({ definition }) => !definition.hidden)
      .flatMap(({ definition }) => wordsOf(definition));
    expect(words.filter((word) => !new RegExp(`\\b${word}\\b`).test(stdout))).toEqual([]);
  });
});

it('the reference has a chapter for every command that is not hidden', async () => {
  const { stdout } = await assetra(['reference']);
  const chapters = [...stdout.matchAll(/^### assetra (.*)$/gm)].map((match) => match[1]);
  expect(chapters).toEqual(commands.filter(({ definition }) => !definition.hidden).map(named));
});

it('a reader that closes the pipe early is no error', async () => {
  const { code, stderr } = await spawned('bash', [
    '--norc',
    '-o',
    'pipefail',
    '-c',
    `node '${program}' completion bash | true`,
  ]);
  expect([code, stderr]).toEqual([0, '']);
});
