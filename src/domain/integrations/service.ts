/** What a site has connected, as its other programs keep it here. Nothing in this program reads `config`. */
import { z } from 'zod';
import { type Context, type TenantContext, vaultOf } from '../../db/context.ts';
import type { Fields } from '../../resource/define.ts';
import { guarded, idOf, type Operation, serve } from '../../resource/serve.ts';
import * as store from '../../resource/store.ts';
import { type IntegrationRow, integrations } from './resource.ts';
import { mask, type Secrets, unmask } from './secrets.ts';

export const served = serve(integrations, { create, update });

async function create(ctx: TenantContext, values: Fields<typeof integrations>): Promise<IntegrationRow> {
  const { config, secrets } = mask(values.config, {});
  return store.insert(ctx, integrations, { ...values, config }, { secrets_sealed: sealed(ctx, secrets) });
}

async function update(
  ctx: TenantContext,
  row: IntegrationRow,
  changes: Partial<Fields<typeof integrations>>,
): Promise<IntegrationRow> {
  if (changes.config === undefined) return store.update(ctx, integrations, row, changes);
  const { config, secrets } = mask(changes.config, await secretsOf(ctx, row.id));
  await ctx.db.execute('UPDATE integrations SET secrets_sealed = ? WHERE id = ?', [sealed(ctx, secrets), row.id]);
  return store.update(ctx, integrations, row, { ...changes, config });
}

const purpose = ({ tenant }: TenantContext): string => `integration:${tenant.id}`;

const sealed = (ctx: TenantContext, secrets: Secrets): string | null =>
  Object.keys(secrets).length === 0 ? null : vaultOf(ctx).seal(JSON.stringify(secrets), purpose(ctx));

async function secretsOf(ctx: TenantContext, id: number): Promise<Secrets> {
  const sql = 'SELECT secrets_sealed AS sealed FROM integrations WHERE id = ?';
  const [row] = await ctx.db.query<{ sealed: string | null }>(sql, [id]);
  return row?.sealed ? JSON.parse(vaultOf(ctx).open(row.sealed, purpose(ctx))) : {};
}

/** The config in the clear, for the program that does the connecting: an admin's, and each reading is in the log. */
export const open = (ctx: Context, id: number): Promise<Record<string, unknown>> =>
  guarded(ctx, 'accounts', 'view', async (inside) => {
    const { config } = await store.get(inside, integrations, id);
    const secrets = await secretsOf(inside, id);
    inside.log.info({ integration_id: id, actor: inside.actor.label }, 'config of an integration read in the clear');
    return unmask(config, secrets);
  });

export const integrationOperations: Operation[] = [
  ...served.operations,
  {
    id: 'integrations.config',
    method: 'GET',
    path: 'integrations/:id/config',
    tag: 'integrations',
    summary: 'The config of an integration with its secrets in the clear, for an admin',
    area: 'accounts',
    action: 'view',
    kind: 'value',
    status: 200,
    answer: z.record(z.string(), z.unknown()),
    run: (ctx, input) => open(ctx, idOf(input)),
  },
];
