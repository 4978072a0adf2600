import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { ConfigError, NotFound } from '../../base/errors.ts';
import type { TenantContext } from '../../db/context.ts';
import type { Format, Printed, Source } from '../../domain/batches/service.ts';
import type { GlobalFlags, Run } from '../command.ts';
import { millimetres } from '../millimetres.ts';
import type { Output } from '../output.ts';
import { followed } from '../printer/follow.ts';
import { startProgress } from '../progress.ts';
import { withSite } from '../site.ts';
import { checkPlace, writeStream } from '../target.ts';
import { unwritable } from '../unwritable.ts';

interface Flags extends GlobalFlags {
  tenant: string;
  format: Format;
  out?: string;
  from?: number;
  to?: number;
  tags?: string[];
  query?: string;
  template?: string;
  sheet?: string;
  start?: number;
  offsetX?: string;
  offsetY?: string;
  outline?: boolean;
  printer?: string;
  wait?: boolean;
}

export const run: Run<Flags> = ({ args, flags, out }) => {
  const source = sourceOf(args[0], flags);
  if (flags.printer !== undefined) return onPrinter(source, flags, out);
  if (flags.wait) throw new ConfigError('--wait goes with --printer.');
  refuseSheetless(flags);
  if (flags.format !== 'png' && flags.out !== undefined && flags.out !== '-') checkPlace(resolve(flags.out));
  return withSite(flags, async (site) => {
    const printed = await print(await site.inTenant(flags.tenant), source, flags);
    const path = flags.out ?? printed.name;
    const written =
      flags.format === 'png' ? await writePictures(printed, path) : await writeStream(printed.stream, path);
    if (path === '-') return undefined;
    const document = { file: written, format: flags.format, labels: printed.count };
    out.result(document, () => `Wrote ${printed.count} ${printed.count === 1 ? 'label' : 'labels'} to ${written}.`);
    return undefined;
  });
};

function onPrinter(source: Source, flags: Flags, out: Output): Promise<number | undefined> {
  refuseSheetless({ ...flags, format: 'zpl' });
  if (flags.out !== undefined) throw new ConfigError('Give --printer or --out, not both.');
  return withSite(flags, async (site) => {
    const ctx = await site.inTenant(flags.tenant);
    const printers = await import('../../domain/printers/service.ts');
    if ('batch' in source) await waitFor(ctx, source.batch);
    const job = await naming(source, () => printers.print(ctx, flags.printer, { source, template: flags.template }));
    return followed(site, ctx, job, flags.wait ?? false, out);
  });
}

/** The batch that is not there, in words of the command line. */
const naming = <T>(source: Source, work: () => Promise<T>): Promise<T> =>
  work().catch((error: unknown) => {
    const unknown = error instanceof NotFound && 'batch' in source && error.message === 'Not found.';
    throw unknown ? new NotFound(`There is no batch ${source.batch}. See \`assetra batch list\`.`) : error;
  });

function sourceOf(batch: string | undefined, { tags, query, from, to }: Flags): Source {
  const given = [batch, tags, query].filter((one) => one !== undefined).length;
  if (given === 0) throw new ConfigError('Name what to print: the id of a batch, --tags or --query.');
  if (given > 1)
    throw new ConfigError('Name what to print once: the id of a batch, --tags or --query, not two of them.');
  if (batch === undefined && (from !== undefined || to !== undefined))
    throw new ConfigError('--from and --to go with a batch.');
  if (tags) return { tags };
  if (query !== undefined) return { query: Object.fromEntries(new URLSearchParams(query)) };
  if (!/^\d{1,15}$/.test(batch!)) throw new ConfigError(`"${batch}" is no id of a batch. See \`assetra batch list\`.`);
  return { batch: Number(batch), from, to };
}

async function print(ctx: TenantContext, source: Source, flags: Flags): Promise<Printed> {
  const batches = await import('../../domain/batches/service.ts');
  const { template, sheet, start, outline } = flags;
  let progress: Awaited<ReturnType<typeof startProgress>> | undefined;
  const options = {
    template,
    sheet,
    start,
    outline,
    offsetX: millimetres(flags.offsetX, '--offset-x'),
    offsetY: millimetres(flags.offsetY, '--offset-y'),
    onProgress: (done: number) => progress?.update(done),
  };
  if ('batch' in source) await waitFor(ctx, source.batch);
  const printed = await naming(source, () => batches.print(ctx, source, flags.format, options));
  progress = await startProgress('Labels', printed.count);
  async function* watched() {
    try {
      yield* printed.stream;
    } finally {
      progress?.stop();
    }
  }
  return { ...printed, stream: watched() };
}

/** For labels that the job runner is still making; says so, as without one it would be for ever. */
async function waitFor(ctx: TenantContext, batch: number): Promise<void> {
  const { whenReady } = await import('../../domain/batches/service.ts');
  let waiting: Awaited<ReturnType<typeof startProgress>> | undefined;
  await whenReady(ctx, batch, async (percent) => {
    waiting ??= await startProgress(`Batch ${batch} is being made by the job runner`, 100);
    waiting.update(percent);
  });
  waiting?.stop();
}

/** Sheets are of paper: a label printer has one label after the other. */
function refuseSheetless({ format, sheet, start, offsetX, offsetY, outline }: Flags): void {
  const given = Object.entries({
    '--sheet': sheet,
    '--start': start,
    '--offset-x': offsetX,
    '--offset-y': offsetY,
    '--outline': outline,
  });
  const named = given.filter(([, value]) => value !== undefined).map(([flag]) => flag);
  if (format === 'pdf' || named.length === 0) return;
  throw new ConfigError(`Only a PDF has a page: leave out ${named.join(', ')}, or choose --format pdf.`);
}

/** One picture goes to the file, several into a folder of that name, numbered in their order. */
async function writePictures(printed: Printed, path: string): Promise<string> {
  if (path === '-') throw new ConfigError('PNG is a file for each label. Give --out a file or a folder.');
  const target = resolve(printed.count === 1 ? path : path.replace(/\.png$/, ''));
  const digits = String(printed.count).length;
  let index = 0;
  try {
    mkdirSync(printed.count === 1 ? dirname(target) : target, { recursive: true });
    for await (const picture of printed.stream) {
      index += 1;
      const file = printed.count === 1 ? target : join(target, `${String(index).padStart(digits, '0')}.png`);
      writeFileSync(file, picture);
    }
  } catch (error) {
    throw unwritable(error, target, '--out');
  }
  return target;
}
