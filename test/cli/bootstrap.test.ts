import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/base/paths.ts';
import { spawned } from './spawn.ts';

const root = mkdtempSync(join(tmpdir(), 'assetra-bootstrap-'));
afterAll(() => rmSync(root, { recursive: true }));

let checkout: string;
let count = 0;
const path = (file: string) => join(checkout, file);
const write = (file: string, text: string) => writeFileSync(path(file), text);

/** A checkout with the real bin/, a program of one line, and an npm that only writes down how it was called. */
beforeEach(() => {
  count += 1;
  checkout = join(root, `checkout-${count}`);
  for (const folder of ['src', 'migrations', 'test', 'node_modules']) mkdirSync(path(folder), { recursive: true });
  cpSync(join(packageRoot, 'bin'), path('bin'), { recursive: true });
  symlinkSync(join(packageRoot, 'node_modules/typescript'), path('node_modules/typescript'));
  symlinkSync(join(packageRoot, 'node_modules/@types'), path('node_modules/@types'));
  cpSync(join(packageRoot, 'tsconfig.json'), path('tsconfig.json'));
  write('package.json', '{ "type": "module" }');
  lock('1.0.0');
  write('src/main.ts', "console.log('first');\n");
  write(
    'npm.mjs',
    "import { appendFileSync } from 'node:fs';\nappendFileSync('calls', process.argv.slice(2).join(' ') + '\\n');\n",
  );
});

const lock = (version: string) =>
  write('package-lock.json', JSON.stringify({ packages: { '': {}, 'node_modules/knex': { version } } }));

const bootstrap = (...args: string[]) => bootstrapIn({}, ...args);

const bootstrapIn = (env: Record<string, string>, ...args: string[]) =>
  spawned(process.execPath, [path('bin/bootstrap.mjs'), ...args], {
    env: { npm_execpath: path('npm.mjs'), ...env },
    cwd: checkout,
  });

const npmCalls = () => (existsSync(path('calls')) ? readFileSync(path('calls'), 'utf8') : '');

describe('the install', () => {
  it('happens when the lock file changed, and only then', async () => {
    expect((await bootstrap('run')).stdout).toBe('first\n');
    expect(npmCalls()).toBe('ci --include=dev\n');
    await bootstrap('run');
    expect(npmCalls()).toBe('ci --include=dev\n');
    lock('1.0.1');
    await bootstrap('run');
    expect(npmCalls()).toBe('ci --include=dev\nci --include=dev\n');
  });

  it('is left out when npm has installed just what the lock file names', async () => {
    cpSync(path('package-lock.json'), path('node_modules/.package-lock.json'));
    await bootstrap('run');
    expect(npmCalls()).toBe('');
  });

  it('that fails ends the task with what to do, and is tried again next time', async () => {
    write('npm.mjs', "console.error('gyp ERR!'); process.exit(1);\n");
    for (const _ of [1, 2]) {
      const { code, stderr } = await bootstrap('run');
      expect(code).toBe(1);
      expect(stderr).toMatch(/gyp ERR!\nnpm ci failed.*install python3, make and g\+\+/s);
      expect(stderr).not.toContain('    at ');
    }
  });
});

describe('the build', () => {
  it('happens when a source changed, and drops what has no source any more', async () => {
    write('src/old.ts', 'export const old = 1;\n');
    await bootstrap('run');
    expect(existsSync(path('dist/src/old.js'))).toBe(true);
    expect((await bootstrap('run')).stderr).toBe('');
    rmSync(path('src/old.ts'));
    write('src/main.ts', "console.log('second');\n");
    expect(await bootstrap('run')).toMatchObject({ stdout: 'second\n', stderr: 'Building (tsc).\n' });
    expect(existsSync(path('dist/src/old.js'))).toBe(false);
  });

  it('happens again after dist was emptied by hand', async () => {
    await bootstrap('run');
    rmSync(path('dist/src'), { recursive: true });
    expect((await bootstrap('run')).stdout).toBe('first\n');
  });

  it('that fails says where, and runs nothing', async () => {
    write('src/main.ts', "const n: number = 'x';\nconsole.log(n);\n");
    const { code, stdout, stderr } = await bootstrap('run');
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain('src/main.ts(1,7)');
  });
});

describe('a task', () => {
  it('hands on arguments, standard output and exit code', async () => {
    write('src/main.ts', 'console.log(JSON.stringify(process.argv.slice(2)));\nprocess.exitCode = 7;\n');
    const { code, stdout } = await bootstrap('run', 'a b', '--json');
    expect([code, stdout]).toEqual([7, '["a b","--json"]\n']);
  });

  it('start runs the demo site in the checkout', async () => {
    write('src/main.ts', 'console.log(process.argv.slice(2).join(" "));\n');
    expect((await bootstrap('start', '--port', '0')).stdout).toBe(`demo --dir ${path('assetra-data')} --port 0\n`);
  });

  it('gives the program a thread pool that scrypt and SQLite do not fill', async () => {
    write('src/main.ts', poolProbe);
    expect((await bootstrap('run')).stdout).toBe('free\n');
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('passes %s on and ends with the program', async (signal) => {
    write(
      'src/main.ts',
      `process.once('${signal}', () => process.exit(9));\nsetInterval(() => {}, 1000);\nconsole.log('up');\n`,
    );
    await bootstrap('build');
    const child = spawn(process.execPath, [path('bin/bootstrap.mjs'), 'run'], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    child.kill(signal);
    expect(await exitOf(child)).toBe(9);
  });

  it('that is not known is wrong use', async () => {
    expect(await bootstrap('deploy')).toMatchObject({ code: 2, stderr: expect.stringContaining('start|run|build') });
  });
});

describe('the tests', () => {
  /** A vitest that ran `files` and ends with `code`. */
  function vitest(code: number, report: object): void {
    mkdirSync(path('node_modules/vitest'));
    write(
      'node_modules/vitest/vitest.mjs',
      `import { writeFileSync } from 'node:fs';
      const file = process.argv.find((word) => word.startsWith('--outputFile.json=')).split('=')[1];
      writeFileSync(file, '${JSON.stringify(report)}');
      console.log('dialects ' + process.env.ASSETRA_TEST_DIALECTS + ', last argument ' + process.argv.at(-1));
      process.exitCode = ${code};`,
    );
  }
  const counts = { numPassedTests: 5, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0, testResults: [] };

  it('say which databases were there, and end with one plain line', async () => {
    vitest(0, { ...counts, numPendingTests: 2 });
    const { code, stdout } = await bootstrap('test', 'test/db');
    expect(code).toBe(0);
    expect(stdout).toContain('dialects sqlite, last argument test/db\n');
    expect(stdout.match(/SQLite: covered\n {2}PostgreSQL: skipped \(.*\n {2}MySQL\/MariaDB: skipped \(/g)).toHaveLength(
      2,
    );
    expect(stdout).toMatch(/\n5 passed, 0 failed, 2 skipped\n$/);
  });

  it("keep vitest's exit code, and count a file that could not be read as failed", async () => {
    vitest(3, { ...counts, testResults: [{ status: 'failed', assertionResults: [] }] });
    const { code, stdout } = await bootstrap('test');
    expect(code).toBe(3);
    expect(stdout).toMatch(/\n5 passed, 1 failed\n$/);
  });

  it('fail before they start when every database is required', async () => {
    vitest(0, counts);
    const { code, stdout, stderr } = await bootstrapIn({ ASSETRA_REQUIRE_DATABASES: '1' }, 'test');
    expect([code, stderr.trim().split('\n').at(-1)]).toEqual([
      1,
      'ASSETRA_REQUIRE_DATABASES=1, and PostgreSQL and MySQL/MariaDB cannot be used.',
    ]);
    expect(stdout).not.toContain('dialects');
  });
});

const exitOf = async (child: ChildProcess) => (await once(child, 'exit'))[0];

/** Six opens of a pipe that nobody writes block six threads; a seventh must be left for `stat`. */
const poolProbe = `
import { execFileSync } from 'node:child_process';
import { open, stat, writeFileSync } from 'node:fs';
execFileSync('mkfifo', ['fifo']);
for (let i = 0; i < 6; i += 1) open('fifo', 'r', () => undefined);
const end = (text: string) => {
  writeFileSync(1, text + '\\n');
  process.kill(process.pid, 'SIGKILL');
};
setTimeout(end, 5000, 'full');
stat('.', () => end('free'));
`;
