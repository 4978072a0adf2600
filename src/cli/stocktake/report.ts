import { resolve } from 'node:path';
import { Readable } from 'node:stream';
import { ConfigError } from '../../base/errors.ts';
import type { Format, StocktakeReport, titles } from '../../domain/stocktake/service.ts';
import type { GlobalFlags, Run } from '../command.ts';
import { table } from '../output.ts';
import { withSite } from '../site.ts';
import { checkPlace, writeStream } from '../target.ts';
import { idOf, type Named, sessionOf } from './session.ts';

interface Flags extends GlobalFlags {
  tenant?: string;
  format?: Format;
  out?: string;
}

export const run: Run<Flags> = ({ args, flags, out }) => {
  const id = idOf(args[0]);
  const { format } = flags;
  if (flags.out !== undefined && format === undefined) throw new ConfigError('--out goes with --format.');
  if (flags.out !== undefined && flags.out !== '-') checkPlace(resolve(flags.out));
  return withSite(flags, async (site) => {
    const session = await sessionOf(site, id, flags.tenant);
    const stocktake = await import('../../domain/stocktake/service.ts');
    if (format === undefined) {
      const report = await stocktake.reportOf(session.ctx, id);
      out.result(report, () => textOf(report, stocktake.titles));
      return undefined;
    }
    const file = await write(session, format, flags.out);
    if (file !== '-') out.result({ file, format }, () => `Wrote the report to ${file}.`);
    return undefined;
  });
};

async function write({ ctx, id }: Named, format: Format, out: string | undefined): Promise<string> {
  const stocktake = await import('../../domain/stocktake/service.ts');
  const { name, body } = await stocktake.fileOf(ctx, id, format);
  const parts = typeof body === 'string' ? Readable.from([body]) : (body as Readable);
  return writeStream(parts, out ?? name);
}

type Titles = typeof titles;

/** What was found as a number, and what needs someone's attention by name. */
function textOf(report: StocktakeReport, named: Titles): string {
  const { session, location, totals } = report;
  const { expected, scans, ...lists } = totals;
  const keys = Object.keys(lists) as (keyof Titles)[];
  const parts = [
    `${session.name}: ${location ? `${location.name} (${location.code})` : 'no location yet'}, ${session.status}`,
    table(['', 'COUNT'], [['Expected', expected], ['Scans', scans], ...keys.map((key) => [named[key], lists[key]])]),
  ];
  for (const key of ['missing', 'moved', 'unexpected', 'unknown', 'counted_twice', 'left'] as const) {
    const cells = report[key].map((line) => [
      line.asset_tag || line.barcode_value,
      line.asset_name,
      line.recorded_location,
      line.counted_qty,
      line.correction,
    ]);
    if (cells.length > 0)
      parts.push(`${named[key]}:\n${table(['TAG', 'NAME', 'RECORDED AT', 'COUNTED', 'CORRECTION'], cells)}`);
  }
  return parts.join('\n\n');
}
