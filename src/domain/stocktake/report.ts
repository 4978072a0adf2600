/** What a session found, as it stands or as it was frozen: one list for each outcome. */
import { z } from 'zod';
import type { Context, TenantContext } from '../../db/context.ts';
import { guarded } from '../../resource/serve.ts';
import * as store from '../../resource/store.ts';
import { actions, inventorySessions, type Outcome, outcomes, type SessionRow } from './resource.ts';

const Line = z.object({
  line: z.int(),
  asset: z.int().nullable(),
  asset_tag: z.string(),
  asset_name: z.string(),
  barcode_value: z.string(),
  /** Of the asset now. */
  status: z.string().nullable(),
  recorded_location: z.string().nullable(),
  assigned_to: z.string().nullable(),
  expected_qty: z.int(),
  counted_qty: z.int(),
  variance_qty: z.int(),
  outcome: z.enum(outcomes),
  first_seen_at: z.string().nullable(),
  /** Whoever, or whatever device, scanned it; the first by name when there are several. */
  seen_by: z.string().nullable(),
  correction: z.enum(actions).nullable(),
});
export type ReportLine = z.output<typeof Line>;

const lists = {
  ...Object.fromEntries(outcomes.map((outcome) => [outcome, z.array(Line)])),
  counted_twice: z.array(Line),
};
type Lists = Record<Outcome | 'counted_twice', ReportLine[]>;

const Totals = z.object({
  expected: z.int(),
  /** Scans that count; the lists below count lines. */
  scans: z.int(),
  found: z.int(),
  missing: z.int(),
  moved: z.int(),
  unexpected: z.int(),
  unknown: z.int(),
  left: z.int(),
  counted_twice: z.int(),
});

export const ReportAnswer = z.object({
  site: z.string(),
  made_at: z.string(),
  session: inventorySessions.read,
  location: z.object({ id: z.int(), code: z.string(), name: z.string() }).nullable(),
  counted_by: z.array(z.object({ scanner: z.string(), scans: z.int(), first_at: z.string(), last_at: z.string() })),
  totals: Totals,
  ...lists,
});

export interface StocktakeReport extends Lists {
  site: string;
  made_at: string;
  session: SessionRow;
  location: { id: number; code: string; name: string } | null;
  counted_by: { scanner: string; scans: number; first_at: string; last_at: string }[];
  totals: z.output<typeof Totals>;
}

export const reportOf = (ctx: Context, id: number): Promise<StocktakeReport> =>
  guarded(ctx, 'assets', 'view', async (inside) => {
    const session = await store.get(inside, inventorySessions, id);
    const lines = await linesOf(inside, session.id);
    const counted_by = await countedBy(inside, session.id);
    const by = (outcome: Outcome) => lines.filter((line) => line.outcome === outcome);
    const all = Object.fromEntries(outcomes.map((outcome) => [outcome, by(outcome)])) as Record<Outcome, ReportLine[]>;
    const counted_twice = lines.filter((line) => line.asset !== null && line.counted_qty > 1);
    const totals = {
      expected: lines.reduce((sum, { expected_qty }) => sum + expected_qty, 0),
      scans: counted_by.reduce((sum, { scans }) => sum + scans, 0),
      found: all.found.length,
      missing: all.missing.length,
      moved: all.moved.length,
      unexpected: all.unexpected.length,
      unknown: all.unknown.length,
      left: all.left.length,
      counted_twice: counted_twice.length,
    };
    const location = await locationOf(inside, session.location);
    const made_at = inside.now().toISOString();
    return { site: inside.tenant.name, made_at, session, location, counted_by, totals, ...all, counted_twice };
  });

const seen = 'COALESCE(e.offline_captured_at, e.created_at)';
const linesSql =
  'SELECT l.id AS line, l.asset_id AS asset, l.asset_tag, l.asset_name, l.barcode_value, a.status, ' +
  'r.code AS place_code, r.name AS place_name, u.username AS assigned_to, l.expected_qty, l.counted_qty, ' +
  'l.variance_qty, l.outcome, s.first_seen_at, s.seen_by, l.correction FROM inventory_session_lines l ' +
  'LEFT JOIN assets a ON a.id = l.asset_id LEFT JOIN locations r ON r.id = l.recorded_location_id ' +
  'LEFT JOIN users u ON u.id = a.assigned_to_id LEFT JOIN ' +
  `(SELECT c.line_id, MIN(${seen}) AS first_seen_at, MIN(e.scanner_label) AS seen_by FROM inventory_counts c ` +
  'JOIN scan_events e ON e.id = c.scan_event_id WHERE c.session_id = ? GROUP BY c.line_id) s ON s.line_id = l.id ' +
  'WHERE l.session_id = ?';

type LineRow = Omit<ReportLine, 'recorded_location'> & { place_code: string | null; place_name: string | null };

async function linesOf(ctx: TenantContext, session: number): Promise<ReportLine[]> {
  const rows = await ctx.db.query<LineRow>(linesSql, [session, session]);
  // Here and not in SQL: databases do not agree on the order of letters.
  const { compare } = new Intl.Collator('en', { numeric: true });
  const name = (line: ReportLine) => line.asset_tag || line.barcode_value;
  return rows
    .map(({ place_code: code, place_name: place, ...line }) => ({
      ...line,
      recorded_location: code === null ? null : `${code} ${place}`,
    }))
    .sort((one, two) => compare(name(one), name(two)) || one.line - two.line);
}

async function countedBy(ctx: TenantContext, session: number): Promise<StocktakeReport['counted_by']> {
  const sql =
    `SELECT e.scanner_label AS scanner, COUNT(c.line_id) AS scans, MIN(${seen}) AS first_at, MAX(${seen}) AS last_at ` +
    'FROM inventory_counts c JOIN scan_events e ON e.id = c.scan_event_id WHERE c.session_id = ? AND c.line_id IS NOT NULL ' +
    'GROUP BY e.scanner_label ORDER BY first_at, scanner';
  return ctx.db.query(sql, [session]);
}

async function locationOf(ctx: TenantContext, id: number | null): Promise<StocktakeReport['location']> {
  if (id === null) return null;
  const sql = 'SELECT id, code, name FROM locations WHERE id = ?';
  return (await ctx.db.query<NonNullable<StocktakeReport['location']>>(sql, [id]))[0] ?? null;
}
