/** Results for people (a table) and for programs (JSON lines). */
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import type { Dialect } from '../../src/db/dialect.ts';
import type { Slice } from './load.ts';
import type { Work } from './works.ts';

export interface Result {
  work: Work;
  dialect: Dialect;
  ours: Slice;
  ceiling: Slice;
  /** Ours over the ceiling: the median of the rounds' own ratios. */
  ratio: number;
  /** Ours over the same daemon without change log and chain; of writes only. */
  chained: number | undefined;
}

export const machine = (): string =>
  `${cpus().length} × ${cpus()[0]?.model.trim()}, Node ${process.version}, ${process.platform}`;

export const median = (values: number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;

const head = ['', 'answers/s', 'p50 ms', 'p99 ms', 'ceiling/s', 'p50 ms', 'p99 ms', 'ratio', 'of unchained', 'aim'];

export function table(results: Result[]): string {
  const rows = [head, ...results.map(cells)];
  const widths = head.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const line = (row: string[]) =>
    row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!))).join('  ');
  return rows.map(line).join('\n');
}

function cells({ work, dialect, ours, ceiling, ratio, chained }: Result): string[] {
  const shares = [percent(ratio), chained === undefined ? '-' : percent(chained)];
  return [work.title, ...figures(ours), ...figures(ceiling), ...shares, aimOf(work, dialect, ours.rate, ratio)];
}

const figures = ({ rate, p50, p99 }: Slice): string[] => [rate.toFixed(0), p50.toFixed(2), p99.toFixed(2)];
const percent = (share: number): string => `${(share * 100).toFixed(0)} %`;

function aimOf({ ratio: share, rate: rates }: Work, dialect: Dialect, rate: number, ratio: number): string {
  const least = rates?.[dialect];
  const missed = (share !== undefined && ratio < share) || (least !== undefined && rate < least);
  const parts = [share === undefined ? '' : percent(share), least === undefined ? '' : `${least}/s`].filter(Boolean);
  if (parts.length === 0) return '-';
  return `${parts.join(', ')} ${missed ? 'missed' : 'met'}`;
}

export function writeJson(file: string, results: Result[]): void {
  const lines = results.map(({ work, dialect, ours, ceiling, ratio, chained }) =>
    JSON.stringify({
      at: new Date().toISOString(),
      machine: machine(),
      dialect,
      work: work.name,
      ours,
      ceiling,
      ratio,
      chained,
    }),
  );
  writeFileSync(file, `${lines.join('\n')}\n`);
}

/** Spent by this process so far, all of its threads, in µs. */
export function processorTime(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}
