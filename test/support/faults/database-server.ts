/** A PostgreSQL or MariaDB of the test's own in a temporary folder, to be stopped, killed and made read-only at will. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { administer, type Server } from '../databases.ts';
import { until } from '../pty.ts';
import { type Kind, kinds } from './server-kinds.ts';
import { type SystemUser, systemUser } from './system-user.ts';

const run = promisify(execFile);

export class DatabaseServer {
  readonly dialect: Server;
  readonly #kind: Kind;
  #user: SystemUser | undefined;
  #folder = '';
  #child: ChildProcess | undefined;
  #log = '';
  port = 0;

  constructor(dialect: Server) {
    this.dialect = dialect;
    this.#kind = kinds[dialect];
  }

  /** Makes the server at the first call. Resolves once it takes log-ins. */
  async start(): Promise<this> {
    if (this.#folder === '') await this.#make();
    const [command, ...args] = this.#kind.serve(this.#data, this.#folder, this.port);
    const child = spawn(command!, args, { stdio: ['ignore', 'pipe', 'pipe'], ...this.#user });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr])
      stream!.setEncoding('utf8').on('data', (text) => {
        this.#log += text;
      });
    const answers = () =>
      this.#administer('SELECT 1').then(
        () => true,
        () => false,
      );
    await until(async () => !running(child) || (await answers()), `${this.dialect} to start`, 30_000);
    if (!running(child)) throw new Error(`${this.dialect} ended: ${this.#log.slice(-2_000)}`);
    return this;
  }

  /** In order, without waiting for its clients. */
  stop(): Promise<void> {
    return this.#end(this.#kind.stopSignal);
  }

  /** As a power cut ends it: the processes that it started too. */
  async kill(): Promise<void> {
    const children = this.#child && running(this.#child) ? childrenOf(this.#child.pid!) : [];
    await this.#end('SIGKILL');
    for (const pid of children) endIfThere(pid);
    await until(() => !children.some((pid) => existsSync(`/proc/${pid}`)), `${this.dialect}'s processes to end`);
  }

  async restart(how: 'orderly' | 'hard'): Promise<void> {
    await (how === 'orderly' ? this.stop() : this.kill());
    await this.start();
  }

  /** Answers the DATABASE_URL of an empty one, whose owner may do all there but is not above `readOnly`. */
  async createDatabase(name: string): Promise<string> {
    for (const sql of this.#kind.createSql(name)) await this.#administer(sql);
    return this.url(name);
  }

  /** Its owner's DATABASE_URL; with the port of a proxy on loopback, by way of that. */
  url(name: string, port = this.port): string {
    return `${this.dialect}://${name}@127.0.0.1:${port}/${name}`;
  }

  async readOnly(on: boolean): Promise<void> {
    for (const sql of this.#kind.readOnlySql(on)) await this.#administer(sql);
  }

  async remove(): Promise<void> {
    await this.kill();
    if (this.#folder !== '') rmSync(this.#folder, { recursive: true, force: true });
  }

  get #data(): string {
    return join(this.#folder, 'data');
  }

  #administer(sql: string): Promise<unknown> {
    const { root, rootDatabase } = this.#kind;
    return administer(this.dialect, `${this.dialect}://${root}@127.0.0.1:${this.port}/${rootDatabase}`, sql);
  }

  async #make(): Promise<void> {
    this.#user = systemUser(this.#kind.systemUser);
    this.#folder = mkdtempSync(join(tmpdir(), 'assetra-dbs-'));
    if (this.#user) chownSync(this.#folder, this.#user.uid, this.#user.gid);
    this.port = await freePort();
    const [command, ...args] = this.#kind.make(this.#data);
    await run(command!, args, { cwd: this.#folder, ...this.#user });
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (!child || !running(child)) return;
    const closed = once(child, 'close');
    child.kill(signal);
    await closed;
  }
}

const running = ({ exitCode, signalCode }: ChildProcess) => exitCode === null && signalCode === null;

const childrenOf = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);

function endIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Ended by itself when its parent did.
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
