/** Requests to the daemon beside the same statements behind bare node:http, in one run. Exits 1 when an answer is wrong. */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packageRoot } from '../../src/base/paths.ts';
import { Caller, nextNumber, type Slice } from './load.ts';
import { type Options, readOptions } from './options.ts';
import { machine, median, type Result, table, writeJson } from './report.ts';
import { type Server, startServer } from './servers.ts';
import { createSite, durabilityOf, type Found, findDatabases, logIn, type Site } from './sites.ts';
import { hello, type Work, works } from './works.ts';

interface Side {
  name: string;
  site: Site;
  caller: Caller;
  close(): Promise<void>;
}

const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => interrupted.abort(new Error('Interrupted.')));

async function main(options: Options): Promise<void> {
  console.log(
    `${machine()}; 16 connections; ${options.rounds} rounds of ${options.seconds} s; ${options.assets} assets`,
  );
  const results: Result[] = [];
  for (const database of await chosen(options)) {
    const ofDatabase = await measureDatabase(database, options);
    console.log(`${table(ofDatabase)}\n`);
    results.push(...ofDatabase);
  }
  const file = options.json ?? join(tmpdir(), `assetra-bench-${Date.now()}.jsonl`);
  writeJson(file, results);
  console.log(`Written to ${file}`);
}

/** What was asked for must be there; of the rest, what is. */
async function chosen({ dialects }: Options): Promise<Found[]> {
  const all = await findDatabases();
  const missing = all.filter((database) => !database.found);
  for (const { dialect, title, reason } of missing) {
    if (dialects?.includes(dialect)) throw new Error(`${title} cannot be used: ${reason}`);
    if (!dialects) console.log(`${title}: left out (${reason})`);
  }
  return all.filter(({ found, dialect }) => found && (!dialects || dialects.includes(dialect)));
}

async function measureDatabase(database: Found, options: Options): Promise<Result[]> {
  const sides: Side[] = [];
  try {
    for (const start of [startDaemon, startCeiling, startUnchained])
      sides.push(await openSide(database, options, start));
    const [ours, ceiling, unchained] = sides as [Side, Side, Side];
    await ceiling.caller.load(hello, 1, interrupted.signal);
    const { rate } = await ceiling.caller.load(hello, options.seconds, interrupted.signal);
    const durability = await durabilityOf(ours.site);
    console.log(`\n${database.title} (${durability}); a bare answer without database: ${rate.toFixed(0)}/s`);
    const results: Result[] = [];
    for (const work of works.filter(({ name }) => !options.only || options.only.includes(name)))
      results.push({ dialect: database.dialect, ...(await measure(work, [ours, ceiling, unchained], options)) });
    return results;
  } finally {
    for (const side of sides) await side.close();
  }
}

type Start = (site: Site, options: Options) => Promise<Server>;

async function openSide(database: Found, options: Options, start: Start): Promise<Side> {
  const site = await createSite(database, options.assets);
  let server: Server | undefined;
  try {
    server = await start(site, options);
    const headers = start === startCeiling ? {} : await logIn(server.address, site.tenantId);
    const caller = new Caller(server.address, headers, options.assets);
    const { stop } = server;
    const close = async () => {
      await caller.close();
      await stop();
      await site.remove();
    };
    return { name: start.name.replace('start', '').toLowerCase(), site, caller, close };
  } catch (error) {
    await server?.stop();
    await site.remove();
    throw error;
  }
}

const startDaemon: Start = ({ dir }, { profile }) => {
  const profiling = profile ? ['--cpu-prof', `--cpu-prof-dir=${profile}`] : [];
  const serve = [join(packageRoot, 'bin/assetra'), 'serve', '--dir', dir, '--port', '0', '--no-devices'];
  return startServer([...profiling, ...serve], join(dir, 'daemon.log'));
};

const startUnchained: Start = ({ dir }) =>
  startServer([join(import.meta.dirname, 'unchained.js'), dir], join(dir, 'unchained.log'));

const startCeiling: Start = (site) =>
  startServer([join(import.meta.dirname, 'ceiling.js'), JSON.stringify(site)], join(site.dir, 'ceiling.log'));

/** Turn by turn, so that a slower moment of the machine meets both. */
async function measure(work: Work, [ours, ceiling, unchained]: [Side, Side, Side], { seconds, rounds }: Options) {
  // What is not written costs a reader nothing.
  const sides = work.writes.length > 0 ? [ours, ceiling, unchained] : [ours, ceiling];
  const before = await Promise.all(sides.map((side) => rowsOf(side, work)));
  await compareAnswers(work, ours, ceiling);
  for (const side of sides) await side.caller.load(work, 1, interrupted.signal);
  const slices: Slice[][] = sides.map(() => []);
  for (let round = 0; round < rounds; round += 1)
    for (const [index, side] of sides.entries())
      slices[index]!.push(await side.caller.load(work, seconds, interrupted.signal));
  for (const [index, side] of sides.entries()) await checkWritten(work, side, before[index]!);
  const [own, limits, free] = slices as [Slice[], Slice[], Slice[] | undefined];
  const share = (of: Slice[]) => median(own.map(({ rate }, round) => rate / of[round]!.rate));
  return { work, ours: middle(own), ceiling: middle(limits), ratio: share(limits), chained: free && share(free) };
}

function middle(slices: Slice[]): Slice {
  const rate = median(slices.map((slice) => slice.rate));
  return slices.find((slice) => slice.rate === rate)!;
}

/** A ceiling that answers less would be no ceiling. */
async function compareAnswers(work: Work, ours: Side, ceiling: Side): Promise<void> {
  const n = nextNumber();
  const own = comparable(await ours.caller.once(work, n));
  const limit = comparable(await ceiling.caller.once(work, n));
  if (own === limit) return;
  const at = Math.max(0, [...own].findIndex((character, index) => character !== limit[index]) - 100);
  const excerpt = (text: string) => text.slice(at, at + 300);
  throw new Error(`${work.title}: the answers differ.\nassetra: …${excerpt(own)}\nceiling: …${excerpt(limit)}`);
}

/** The answer without what is new each time; what a code decodes to is the daemon's own business. */
const comparable = (text: string): string =>
  JSON.stringify(JSON.parse(text), (key, value) => (key === 'decoded_payload' ? {} : value))
    .replaceAll(/http:\/\/[^/"]+/g, 'HOST')
    .replaceAll(/"(created_at|updated_at)":"20[^"]+"/g, '"$1":"TIME"')
    .replaceAll(/"[\da-f]{8}-[\da-f-]{27}"/g, '"UUID"');

interface Rows {
  answers: number;
  counts: number[];
}

async function rowsOf({ site, caller }: Side, { writes }: Work): Promise<Rows> {
  const { answers } = caller;
  const counts: number[] = [];
  for (const name of writes) counts.push(await site.count(name));
  return { answers, counts };
}

/** Every answer has left its rows: nothing was answered that was not written. */
async function checkWritten(work: Work, side: Side, before: Rows): Promise<void> {
  const after = await rowsOf(side, work);
  const answers = after.answers - before.answers;
  for (const [index, name] of work.writes.entries()) {
    const added = after.counts[index]! - before.counts[index]!;
    if (added !== answers)
      throw new Error(`${side.name}, ${work.title}: ${answers} answers, but ${added} rows in ${name}.`);
  }
}

try {
  await main(readOptions(process.argv.slice(2)));
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
