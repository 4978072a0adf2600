import { accessSync, constants, existsSync, readdirSync, statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Config, loadConfig } from '../base/config.ts';
import type { Database } from '../db/database.ts';
import type { Run } from './command.ts';
import { table } from './output.ts';

interface Finding {
  check: string;
  result: 'ok' | 'warning' | 'failed';
  message: string;
}

/** Free bytes below which a site is warned, and below which it is in danger. */
const lowDisk = 2 * 1024 ** 3;
const fullDisk = 200 * 1024 ** 2;

export const run: Run = async ({ flags, out }) => {
  const findings: Finding[] = [];
  const check = async (name: string, work: () => Promise<Finding | string> | Finding | string) => {
    try {
      const found = await work();
      findings.push(typeof found === 'string' ? { check: name, result: 'ok', message: found } : found);
    } catch (error) {
      findings.push({ check: name, result: 'failed', message: (error as Error).message });
    }
  };
  let config: Config | undefined;
  await check('settings', () => {
    config = loadConfig(flags);
    return `valid; folder ${config.dir}`;
  });
  if (config) await checkSite(config, check);
  out.result(findings, () =>
    table(
      ['CHECK', 'RESULT', 'WHAT'],
      findings.map((found) => [found.check, found.result, found.message]),
    ),
  );
  return findings.some(({ result }) => result === 'failed') ? 1 : undefined;
};

type Check = (name: string, work: () => Promise<Finding | string> | Finding | string) => Promise<void>;

async function checkSite(config: Config, check: Check): Promise<void> {
  await check('folder', () => {
    if (!isReadable(config.dir))
      throw new Error(
        `This user may not read and write ${config.dir}. Ask as the user of the service, or mend its owner.`,
      );
    return 'readable and writable';
  });
  await check('secrets', () => secretsOf(config.dir));
  await check('disk', () => diskOf(config.dir));
  await check('clock', () => clock());
  const spool = join(config.dir, 'spool');
  await check('spool', () => spoolOf(spool));
  await check('checkpoints', () => checkpointsOf(config.dir));
  const { openDatabase } = await import('./site.ts');
  let database: Database | undefined;
  await check('database', async () => {
    database = await openDatabase(config);
    await database.query('SELECT 1 AS one');
    return database.dialect;
  });
  if (database) await checkDatabase(database, spool, check).finally(() => database!.close());
}

async function checkDatabase(database: Database, spool: string, check: Check): Promise<void> {
  const { status } = await import('../db/migrate.ts');
  let migrated = false;
  await check('migrations', async () => {
    const { done, pending } = await status(database);
    if (pending.length > 0) throw new Error(`${pending.length} wait. Run \`assetra migrate\`.`);
    migrated = true;
    return `${done.length} applied`;
  });
  if (!migrated) return;
  await check('writing', () => writesTo(database));
  await check('history', () => historyOf(database));
  await checkPrinters(database, check);
  await check('webhooks', () => webhooksOf(database));
  await check('devices', () => devicesOf(database, spool));
}

/** One line for all scanners: each fault with its cure, as in docs/HARDWARE.md. */
async function devicesOf(database: Database, spool: string): Promise<Finding | string> {
  const devices = await import('../domain/devices/service.ts');
  const { deniedScanners, faultOf } = await import('../devices/checkup.ts');
  const { listHid } = await import('../devices/hid/nodes.ts');
  const rows = await devices.everyActive(database);
  const { leftOver, spoolOf } = await import('../stations/spool.ts');
  const faults: string[] = deniedScanners(listHid());
  for (const path of leftOver(
    spool,
    'device',
    rows.map(({ id }) => spoolOf(id)),
  ))
    faults.push(
      `${path} has scans of a scanner that is removed or disabled. Enable it, or add it anew, stop the daemon and give the file its id.`,
    );
  for (const row of rows) {
    const fault = await faultOf(row);
    if (fault) faults.push(`${row.name} (${row.path}): ${fault}`);
  }
  if (faults.length === 0) return `${rows.length} set up`;
  return { check: 'devices', result: 'warning', message: faults.join(' ') };
}

/** A line each; a printer that stands still is no fault of the site. */
async function checkPrinters(database: Database, check: Check): Promise<void> {
  const printers = await import('../domain/printers/service.ts');
  const { sentenceOf } = await import('../devices/printers/printer.ts');
  const rows = await printers.everyPrinter(database);
  await Promise.all(
    rows.map((row) =>
      check(`printer ${row.name}`, async () => {
        // A runner that prints has the one connection that it may take.
        const reasons = row.state === 'printing' ? [] : (await printers.probe(row.url)).status.reasons;
        if (reasons.length === 0) return `${row.url} ${row.state === 'printing' ? 'prints' : 'is ready'}`;
        const message = `${row.url}: ${reasons.map(sentenceOf).join(' ')}`;
        return { check: `printer ${row.name}`, result: 'warning' as const, message };
      }),
    ),
  );
}

/** A read-only database answers every question and refuses every scan. */
async function writesTo(database: Database): Promise<string> {
  const undone = new Error('undone');
  const attempt = database.transaction(async (tx) => {
    await tx.execute('UPDATE auth_version SET version = version WHERE id = 1');
    throw undone;
  });
  await attempt.catch((error) => {
    if (error !== undone) throw error;
  });
  return 'the database takes changes';
}

async function webhooksOf(database: Database): Promise<Finding | string> {
  const webhooks = await import('../domain/webhooks/service.ts');
  const { dead, failing } = await webhooks.troubles({ db: database });
  if (dead === 0 && failing.length === 0) return 'every delivery was taken or waits for its turn';
  const letters = dead > 0 ? `${dead} dead letters: \`assetra deadletter list\`. ` : '';
  const told = failing.map(({ name, since, long }) => (long ? `${name} (has taken nothing since ${since})` : name));
  const fails = failing.length > 0 ? `Failing now: ${told.join(', ')}.` : '';
  return { check: 'webhooks', result: 'warning', message: `${letters}${fails}`.trim() };
}

async function historyOf(database: Database): Promise<Finding | string> {
  const { historyGuard } = await import('../db/guards.ts');
  const { missing, open } = await historyGuard(database);
  if (missing.length === 0) return `insert-only by triggers; ${open}`;
  const cure = 'The statements that bring them back are in docs/OPERATIONS.md under "History".';
  return { check: 'history', result: 'warning', message: `Without guard (${missing.join(', ')}). ${cure}` };
}

function secretsOf(dir: string): Finding | string {
  const keys = existsSync(join(dir, 'keys'))
    ? readdirSync(join(dir, 'keys')).filter((name) => !name.endsWith('.pub'))
    : [];
  const open = ['assetra.env', ...keys.map((name) => `keys/${name}`)].filter((name) => {
    const stat = statSync(join(dir, name), { throwIfNoEntry: false });
    return stat && (stat.mode & 0o077) !== 0;
  });
  if (open.length === 0) return 'readable by their owner alone';
  const fix = `chmod 600 ${open.map((name) => join(dir, name)).join(' ')}`;
  return { check: 'secrets', result: 'warning', message: `Others may read ${open.join(', ')}. Run \`${fix}\`.` };
}

/** Without them a cut end or a rewrite of the history would not show. */
async function checkpointsOf(dir: string): Promise<string> {
  const audit = await import('../domain/audit/service.ts');
  const last = audit.readCheckpoints(audit.checkpointFile(dir)).at(-1);
  const copy = 'keep a copy of files/audit-checkpoints.jsonl and keys/audit.pub elsewhere';
  return last ? `the history was last signed at ${last.at}; ${copy}` : `none yet: the daemon signs every hour; ${copy}`;
}

/** Scans that can never be recorded wait for a person. */
function spoolOf(folder: string): Finding | string {
  const files = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.quarantine')) : [];
  if (files.length === 0) return 'no scan was put aside';
  const paths = files.map((name) => join(folder, name)).join(', ');
  return {
    check: 'spool',
    result: 'warning',
    message: `Scans that could not be recorded are in ${paths}, each with its reason. Read them, then delete the file.`,
  };
}

function diskOf(dir: string): Finding | string {
  const { bavail, bsize } = statfsSync(dir);
  const free = bavail * bsize;
  const message = `${(free / 1024 ** 3).toFixed(1)} GiB free`;
  if (free < fullDisk) return { check: 'disk', result: 'failed', message: `${message}: make room at once` };
  return free < lowDisk ? { check: 'disk', result: 'warning', message: `${message}: make room` } : message;
}

/** A machine whose battery is flat starts in the past, and every token is then from the future. */
function clock(): string {
  const now = new Date();
  if (now.getUTCFullYear() < 2026) throw new Error(`The clock says ${now.toISOString()}. Set it.`);
  return now.toISOString();
}

function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
