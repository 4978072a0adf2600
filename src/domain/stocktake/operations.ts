/** Stock-take as the API has it. */
import { z } from 'zod';
import { parse } from '../../resource/parse.ts';
import { idOf, type Operation, Reply } from '../../resource/serve.ts';
import { Count, CountAnswer, count } from './count.ts';
import { fileOf, formats } from './paper.ts';
import { isDryRun, Reconcile, ReconcileAnswer, reconcile } from './reconcile.ts';
import { ReportAnswer } from './report.ts';
import { inventoryLines, inventorySessions } from './resource.ts';
import { close, linesOf, served } from './sessions.ts';

const base = { tag: 'inventory-sessions', area: 'assets', status: 200 } as const;

const Format = z.object({ format: z.enum(formats).default('json') });

export const stocktakeOperations: Operation[] = [
  ...served.operations,
  {
    ...base,
    id: 'inventory-sessions.lines',
    method: 'GET',
    path: 'inventory-sessions/:id/lines',
    summary: 'List what a session expects and what was counted',
    action: 'view',
    kind: 'page',
    answer: inventoryLines.read,
    resource: inventoryLines,
    run: (ctx, input) => linesOf(ctx, idOf(input), input.query),
  },
  {
    ...base,
    id: 'inventory-sessions.count',
    method: 'POST',
    path: 'inventory-sessions/:id/count',
    summary: 'Count one scan, or up to 500 under `scans`; each is stored as a scan event, after the close too (409)',
    action: 'create',
    kind: 'value',
    body: Count,
    bodyLimit: 5 * 1024 * 1024,
    answer: CountAnswer,
    run: async (ctx, input) => {
      const result = await count(ctx, idOf(input), input.body);
      return result.late > 0 ? new Reply(409, result) : result;
    },
  },
  {
    ...base,
    id: 'inventory-sessions.close',
    method: 'POST',
    path: 'inventory-sessions/:id/close',
    summary: 'End the count of a session and freeze its outcome',
    action: 'change',
    kind: 'row',
    answer: inventorySessions.read,
    resource: inventorySessions,
    run: (ctx, input) => close(ctx, idOf(input)),
  },
  {
    ...base,
    id: 'inventory-sessions.reconcile',
    method: 'POST',
    path: 'inventory-sessions/:id/reconcile',
    summary: 'Apply chosen corrections of a closed session, or with `dry_run` tell what they would do',
    action: 'change',
    reads: isDryRun,
    kind: 'value',
    body: Reconcile,
    bodyLimit: 5 * 1024 * 1024,
    answer: ReconcileAnswer,
    run: (ctx, input) => reconcile(ctx, idOf(input), input.body),
  },
  {
    ...base,
    id: 'inventory-sessions.report',
    method: 'GET',
    path: 'inventory-sessions/:id/report',
    summary: 'What a session found, one list for each outcome',
    action: 'view',
    kind: 'file',
    query: Format,
    fileTypes: ['application/pdf', 'text/csv'],
    answer: ReportAnswer,
    run: (ctx, input) => fileOf(ctx, idOf(input), parse(Format.strict(), input.query).format),
  },
];
