/** The report of a session as a file: PDF to sign and keep, CSV to calculate with, JSON. */
import { Readable } from 'node:stream';
import type { Context } from '../../db/context.ts';
import * as csv from '../../render/csv.ts';
import type { Column, Report, Section } from '../../render/report.ts';
import type { FileAnswer } from '../../resource/serve.ts';
import { type ReportLine, reportOf, type StocktakeReport } from './report.ts';
import type { Outcome } from './resource.ts';

export const formats = ['json', 'csv', 'pdf'] as const;
export type Format = (typeof formats)[number];

export async function fileOf(ctx: Context, id: number, format: Format): Promise<FileAnswer> {
  const report = await reportOf(ctx, id);
  const name = `stock-take-${id}.${format}`;
  if (format === 'json') return { type: 'application/json', name, body: JSON.stringify(report) };
  if (format === 'csv') return { type: 'text/csv; charset=utf-8', name, body: Readable.from(csvOf(report)) };
  const { reportPdf } = await import('../../render/report.ts');
  return { type: 'application/pdf', name, body: reportPdf(paperOf(report)) };
}

/** What needs someone's attention comes first. */
const order: readonly Outcome[] = ['missing', 'moved', 'unexpected', 'unknown', 'left', 'found'];

const csvFields: readonly (keyof ReportLine)[] = [
  'outcome',
  'asset',
  'asset_tag',
  'asset_name',
  'barcode_value',
  'status',
  'recorded_location',
  'assigned_to',
  'expected_qty',
  'counted_qty',
  'variance_qty',
  'first_seen_at',
  'seen_by',
  'correction',
];

/** One row a line; what was counted twice shows in counted_qty. */
function* csvOf(report: StocktakeReport): Generator<string> {
  yield csv.line(csvFields);
  for (const outcome of order)
    for (const found of report[outcome]) yield csv.line(csvFields.map((field) => found[field]));
}

function paperOf(report: StocktakeReport): Report {
  const { session, left } = report;
  const rare: Key[] = left.length > 0 ? ['left'] : [];
  const keys: Key[] = ['missing', 'moved', 'unexpected', 'unknown', 'counted_twice', ...rare, 'found'];
  return {
    title: `Stock-take: ${session.name}`,
    footer: `${report.site} · stock-take ${session.id} · made ${time(report.made_at)}`,
    facts: factsOf(report),
    sections: [totalsOf(report), ...keys.map((key) => sectionOf(report, key))],
  };
}

const time = (instant: string): string => `${instant.slice(0, 16).replace('T', ' ')} UTC`;

function factsOf({ site, session, location, counted_by }: StocktakeReport): [string, string][] {
  const { status, include_sublocations: deep, closed_at, reconciled_at } = session;
  const place = location ? `${location.name} (${location.code})${deep ? ' and all below it' : ''}` : 'not named yet';
  const act = (at: string | null, by: string) => (at === null ? 'not yet' : `${time(at)} by ${by}`);
  const counters = counted_by.map(
    ({ scanner, scans, first_at, last_at }) =>
      `${scanner}: ${scans} ${scans === 1 ? 'scan' : 'scans'}, ${time(first_at)} to ${time(last_at)}`,
  );
  return [
    ['Site', site],
    ['Location', place],
    ['Status', status],
    ['Opened', act(session.opened_at, session.opened_by_label)],
    ['Closed', act(closed_at, session.closed_by_label)],
    ['Reconciled', act(reconciled_at, session.reconciled_by_label)],
    ['Counted by', counters.join('; ') || 'nobody yet'],
  ];
}

type Key = Outcome | 'counted_twice';

/** In the words of whoever walks the shelves. */
export const titles: Record<Key, string> = {
  found: 'Found',
  missing: 'Missing',
  moved: 'Here, but recorded elsewhere',
  unexpected: 'Retired or lost, but seen',
  unknown: 'Unknown codes',
  left: 'Left during the count',
  counted_twice: 'Counted more than once',
};

function totalsOf({ totals }: StocktakeReport): Section {
  const { expected, scans, ...lines } = totals;
  const keys = Object.keys(lines) as Key[];
  return {
    title: 'Totals',
    empty: '',
    columns: [
      { heading: '', share: 3 },
      { heading: 'Count', share: 1, align: 'right' },
      { heading: '', share: 4 },
    ],
    rows: [
      ['Expected', String(expected)],
      ['Scans', String(scans)],
      ...keys.map((key) => [titles[key], String(lines[key])]),
    ],
  };
}

interface Cell extends Column {
  text(line: ReportLine): string;
}

const tag: Cell = { heading: 'Tag', share: 2.2, text: (line) => line.asset_tag || line.barcode_value };
const name: Cell = { heading: 'Name', share: 3.3, text: (line) => line.asset_name };
const place: Cell = { heading: 'Recorded at', share: 2.6, text: (line) => line.recorded_location ?? 'nowhere' };
const seenAt: Cell = {
  heading: 'First seen',
  share: 2.8,
  text: (line) => (line.first_seen_at ? time(line.first_seen_at) : ''),
};
const seenBy: Cell = { heading: 'By', share: 1.6, text: (line) => line.seen_by ?? '' };
const times: Cell = { heading: 'Counted', share: 1, align: 'right', text: (line) => String(line.counted_qty) };
const done = { move: 'moved here', mark_lost: 'marked lost', ignore: 'ignored' };
const correction: Cell = {
  heading: 'Correction',
  share: 1.7,
  text: (line) => (line.correction === null ? '' : done[line.correction]),
};

const tables: Record<Key, readonly Cell[]> = {
  found: [tag, name, seenAt, seenBy],
  missing: [tag, name, place, { heading: 'Held by', share: 1.6, text: (line) => line.assigned_to ?? '' }, correction],
  moved: [tag, name, place, seenAt, seenBy, correction],
  unexpected: [
    tag,
    name,
    { heading: 'Status', share: 1.2, text: (line) => line.status ?? '' },
    place,
    seenAt,
    correction,
  ],
  unknown: [{ heading: 'Code', share: 5, text: (line) => line.barcode_value }, seenAt, seenBy, times],
  left: [tag, name, { ...place, heading: 'Now at' }],
  counted_twice: [tag, name, times, seenAt],
};

function sectionOf(report: StocktakeReport, key: Key): Section {
  const columns = tables[key];
  const rows = report[key].map((line) => columns.map(({ text }) => text(line)));
  return { title: `${titles[key]} (${rows.length})`, empty: 'None.', columns, rows };
}
