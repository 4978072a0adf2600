import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { AppError } from '../../base/errors.ts';
import type { CountResult } from '../../domain/stocktake/service.ts';
import type { GlobalFlags, Run } from '../command.ts';
import { withSite } from '../site.ts';
import { idOf, type Named, sessionOf } from './session.ts';

interface Flags extends GlobalFlags {
  tenant?: string;
  file: string;
}

interface Line {
  line: number;
  code: string;
}

/** Codes of one transaction: enough to be quick, few enough to leave room for other devices. */
const most = 200;

export const run: Run<Flags> = ({ args, flags, out }) => {
  const id = idOf(args[0]);
  return withSite(flags, async (site) => {
    const session = await sessionOf(site, id, flags.tenant);
    const total = { session_id: id, scans: 0, counted: 0, unknown: 0, repeated: 0, late: 0, failed: 0 };
    let refusal: string | undefined;
    if (flags.file === '-' && process.stdin.isTTY) out.note('Scan, or type codes, one a line. Ctrl-D ends.');
    for await (const lines of linesOf(flags.file)) {
      const answer = await countLines(session, lines);
      total.scans += lines.length;
      for (const key of ['counted', 'unknown', 'repeated', 'late', 'failed'] as const) total[key] += answer[key];
      refusal ??= answer.detail;
      for (const remark of remarksOn(answer, lines)) out.note(remark);
    }
    if (refusal) out.note(`Session ${id} is closed: what came after the close is kept as scan events and not counted.`);
    out.result(total, () => summary(total));
    return total.late + total.failed > 0 ? 1 : undefined;
  });
};

async function countLines({ ctx, id }: Named, lines: Line[]): Promise<CountResult> {
  const stocktake = await import('../../domain/stocktake/service.ts');
  const scans = lines.map(({ code }) => ({ raw_value: code, source_type: 'external_scanner' }));
  return stocktake.count(ctx, id, { scans });
}

/** What whoever scans should know now, each with its line. */
function* remarksOn({ results }: CountResult, lines: Line[]): Generator<string> {
  for (const { index, result, errors } of results) {
    const { line, code } = lines[index]!;
    if (result === 'unknown') yield `Line ${line}: ${shown(code)} names no asset. It is kept.`;
    if (result === 'failed')
      yield `Line ${line}: ${shown(code)} was not recorded. ${Object.values(errors ?? {})
        .flat()
        .join(' ')}`;
  }
}

const shown = (code: string): string => JSON.stringify(code.length > 60 ? `${code.slice(0, 57)}…` : code);

function summary({ scans, counted, unknown, failed, late }: Record<string, number>): string {
  const also = [
    ...(unknown ? [`${unknown} of them of unknown codes`] : []),
    ...(late ? [`${late} after the close`] : []),
    ...(failed ? [`${failed} failed`] : []),
  ];
  return `Counted ${counted} of ${scans} scans${also.length > 0 ? `; ${also.join(', ')}` : ''}.`;
}

/** Whatever lines have come, at most so many together; blank ones are left out. A scanner's line is not kept waiting for the next. */
async function* linesOf(file: string): AsyncGenerator<Line[]> {
  const input: NodeJS.ReadableStream = file === '-' ? process.stdin : createReadStream(file);
  const waiting: Line[] = [];
  let ended = false;
  let fault: Error | undefined;
  let number = 0;
  let wake = () => {};
  const end = (error?: Error) => {
    ended = true;
    fault ??= error;
    wake();
  };

  const reader = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
  reader.on('line', (code) => {
    number += 1;
    if (code.trim() !== '') waiting.push({ line: number, code });
    wake();
  });
  reader.on('error', (error: Error) => end(unreadable(error, file)));
  reader.once('close', () => end());
  try {
    while (!ended || waiting.length > 0) {
      if (waiting.length > 0) yield waiting.splice(0, most);
      else
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    }
  } finally {
    reader.close();
  }
  if (fault) throw fault;
}

function unreadable(error: Error, file: string): Error {
  const reasons: Record<string, string> = {
    ENOENT: 'there is no such file',
    EISDIR: 'it is a folder',
    EACCES: 'this user may not read it',
  };
  const reason = reasons[(error as NodeJS.ErrnoException).code ?? ''];
  return reason ? new AppError('read', 500, `${file} cannot be read: ${reason}.`, { cause: error }) : error;
}
