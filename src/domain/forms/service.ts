/** Forms that a site makes without code. An active one is enforced on writes to its target. */
import { z } from 'zod';
import { Invalid } from '../../base/errors.ts';
import type { Context, TenantContext } from '../../db/context.ts';
import { jsonObject } from '../../resource/fields.ts';
import { parse } from '../../resource/parse.ts';
import { guarded, idOf, type Operation, serve } from '../../resource/serve.ts';
import * as store from '../../resource/store.ts';
import { raiseVersion } from '../accounts/service.ts';
import { type Faults, faultsOf } from './check.ts';
import { type FormRow, formDefinitions } from './resource.ts';

/** Whether a target has forms is kept with the permissions, and as exactly: most sites have none, and scans must not ask each time. */
export const served = serve(formDefinitions, {
  create: (ctx, values) => known(ctx, store.insert(ctx, formDefinitions, values as never)),
  update: (ctx, row, changes) => known(ctx, store.update(ctx, formDefinitions, row, changes as never)),
  remove: (ctx, row) => known(ctx, store.remove(ctx, formDefinitions, row.id)),
});

async function known<T>(ctx: TenantContext, written: Promise<T>): Promise<T> {
  const result = await written;
  await raiseVersion(ctx);
  return result;
}

/** What forms can be enforced on. */
export type Target = 'asset' | 'maintenance_record' | 'inspection_record' | 'scan_event';

/** Invalid, its messages below `field`, unless the data fits every active form of the target. */
export async function enforce(
  ctx: TenantContext,
  target: Target,
  data: Record<string, unknown>,
  field: string,
): Promise<void> {
  const faults = await unmet(ctx, target, data);
  if (Object.keys(faults).length > 0) throw new Invalid({ [field]: faults });
}

/** What the data lacks for the active forms of the target, by field; empty when it fits all. */
export async function unmet(ctx: TenantContext, target: Target, data: Record<string, unknown>): Promise<Faults> {
  if (ctx.tenant.formTargets && !ctx.tenant.formTargets.includes(target)) return {};
  const faults = new Map<string, string[]>();
  for (const form of await activeOf(ctx, target)) {
    for (const [key, messages] of Object.entries(faultsOf(form, data)))
      faults.set(key, [...new Set([...(faults.get(key) ?? []), ...messages])]);
  }
  return Object.fromEntries(faults);
}

async function activeOf(ctx: TenantContext, target: Target): Promise<FormRow[]> {
  const sql =
    `SELECT ${formDefinitions.selection} FROM form_definitions ` +
    'WHERE tenant_id = ? AND target_model = ? AND is_active = ? ORDER BY id';
  const rows = await ctx.db.query(sql, [ctx.tenant.id, target, true]);
  return rows.map((row) => store.decode(formDefinitions, row));
}

const Submission = z.object({ data: jsonObject() });
const Verdict = z.object({ valid: z.boolean(), errors: z.record(z.string(), z.array(z.string())) });

/** Whether a submission fits, active or not; nothing is stored. */
export const validate = (ctx: Context, id: number, body: unknown): Promise<z.output<typeof Verdict>> =>
  guarded(ctx, 'other', 'view', async (inside) => {
    const form = await store.get(inside, formDefinitions, id);
    const errors = faultsOf(form, parse(Submission, body).data);
    return { valid: Object.keys(errors).length === 0, errors };
  });

export const formOperations: Operation[] = [
  ...served.operations,
  {
    id: 'form-definitions.validate',
    method: 'POST',
    path: 'form-definitions/:id/validate',
    tag: 'form-definitions',
    summary: 'Check a submission against a form, and store nothing',
    area: 'other',
    action: 'view',
    kind: 'value',
    status: 200,
    body: Submission,
    answer: Verdict,
    run: (ctx, input) => validate(ctx, idOf(input), input.body),
  },
];
