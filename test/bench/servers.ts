/** Server processes: started, found by the address they tell, ended by their own id. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Server {
  address: string;
  stop(): Promise<void>;
}

/** Longest wait for an address or for an end, ms. */
const patience = 20_000;

/**
 * Runs `node ARGS`; its output goes to `logFile`, as it would go to a journal, and costs the load generator nothing.
 * Resolves once a line of it names an address.
 */
export async function startServer(args: string[], logFile: string): Promise<Server> {
  const log = openSync(logFile, 'w');
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', log, log],
    // None of Assetra's own variables, so that the site's settings alone decide.
    env: { PATH: process.env.PATH, UV_THREADPOOL_SIZE: '8' },
  });
  closeSync(log);
  const killed = () => void child.kill('SIGKILL');
  process.once('exit', killed);
  const stop = async () => {
    await end(child);
    process.off('exit', killed);
  };
  try {
    return { address: await addressOf(child, logFile), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function addressOf(child: ChildProcess, logFile: string): Promise<string> {
  for (const until = Date.now() + patience; Date.now() < until; await sleep(25)) {
    const text = readFileSync(logFile, 'utf8');
    const found = /"address":"(http:[^"]+)"/.exec(text)?.[1];
    if (found) return found;
    if (child.exitCode !== null) throw new Error(`The server ended at its start:\n${text}`);
  }
  throw new Error(`The server told no address within ${patience} ms.`);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), patience);
  await ended;
  clearTimeout(timer);
}
