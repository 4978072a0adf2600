import { extname, resolve } from 'node:path';
import { ConfigError, Invalid } from '../base/errors.ts';
import type { Format } from '../domain/exports/service.ts';
import type { GlobalFlags, Run } from './command.ts';
import { startProgress } from './progress.ts';
import { withSite } from './site.ts';
import { checkPlace, writeStream } from './target.ts';

interface Flags extends GlobalFlags {
  tenant: string;
  out?: string;
  format?: Format;
  filter?: string[];
  search?: string;
  ordering?: string;
  columns?: string[];
}

/** What people call lists whose path is longer. */
const shortNames = new Map([
  ['categories', 'asset-categories'],
  ['scans', 'scan-events'],
  ['codes', 'asset-codes'],
]);

export const run: Run<Flags> = ({ args: [name = 'assets'], flags, out }) => {
  const wanted = {
    resource: shortNames.get(name) ?? name,
    format: flags.format ?? formatOf(flags.out),
    filters: { ...filtersOf(flags.filter ?? []), ...(flags.search !== undefined && { search: flags.search }) },
    ordering: flags.ordering ?? '',
    columns: flags.columns ?? [],
  };
  if (flags.out !== undefined && flags.out !== '-') checkPlace(resolve(flags.out));
  return withSite(flags, async (site) => {
    const ctx = await site.inTenant(flags.tenant);
    const exports = await import('../domain/exports/service.ts');
    const { operations } = await import('../domain/resources.ts');
    let rows = 0;
    let progress: Awaited<ReturnType<typeof startProgress>> | undefined;
    const told = (count: number) => {
      rows = count;
      progress?.update(count);
    };
    const { path, total, parts } = await exports.open(ctx, operations, wanted, told).catch(inFlags);
    progress = await startProgress(path, total);
    const target = flags.out ?? `${path.replaceAll('/', '-')}.${wanted.format}`;
    const file = await writeStream(parts, target).finally(() => progress?.stop());
    if (file === '-') return undefined;
    const document = { file, tenant_id: ctx.tenant.id, resource: path, format: wanted.format, rows };
    out.result(document, () => `Wrote ${rows} ${rows === 1 ? 'row' : 'rows'} of ${path} to ${file}.`);
    return undefined;
  });
};

function formatOf(out: string | undefined): Format {
  const ending = extname(out ?? '')
    .slice(1)
    .toLowerCase();
  return ending === 'jsonl' || ending === 'xlsx' ? ending : 'csv';
}

function filtersOf(given: readonly string[]): Record<string, string> {
  const pairs = given.map((text): [string, string] => {
    const [key, ...value] = text.split('=');
    if (!key || value.length === 0)
      throw new ConfigError(`--filter wants NAME=VALUE, such as status=active, not "${text}".`);
    return [key, value.join('=')];
  });
  const twice = pairs.find(([key], index) => pairs.findIndex(([other]) => other === key) !== index);
  if (twice) throw new ConfigError(`--filter names ${twice[0]} twice. A list takes each filter once.`);
  return Object.fromEntries(pairs);
}

/** The faults of a request in words of the command line: a wrong use, and exit code 2. */
function inFlags(error: unknown): never {
  if (!(error instanceof Invalid)) throw error;
  const said = error.message.replace(/(^|; )resource: /g, '$1').replace(/(^|; )filters\./g, '$1--filter ');
  throw new ConfigError(said.replace(/(^|; )(columns|ordering): /g, '$1--$2: '), { cause: error });
}
