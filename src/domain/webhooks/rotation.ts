/** A new secret without a moment in which a receiver refuses us: for a while both sign. */
import { z } from 'zod';
import { Conflict, Invalid } from '../../base/errors.ts';
import { newSecret } from '../../base/ids.ts';
import { type Context, type TenantContext, timestamp } from '../../db/context.ts';
import { optionalInstant, rawText } from '../../resource/fields.ts';
import { parse } from '../../resource/parse.ts';
import { guarded, idOf, type Operation } from '../../resource/serve.ts';
import * as store from '../../resource/store.ts';
import { webhookEndpoints } from './resource.ts';
import { overlap, promotion, type SecretColumns, seal, secretsOf, standing, writeSecrets } from './secrets.ts';

export const Rotate = z.object({
  secret: rawText(100_000).optional().describe('Made here when left out'),
  now: z.boolean().default(false).describe('The old secret signs no more from now on: for one that others know'),
});

export const Rotated = z.object({
  endpoint: z.int(),
  state: z.enum(['next', 'current']).describe('`next`: both sign until the new one is promoted'),
  secret: z.string().optional().describe('Only when it was made here, and only in this answer'),
  promotes_at: optionalInstant(),
  previous_expires_at: optionalInstant(),
});
export type Rotated = z.output<typeof Rotated>;

/** Makes a secret the next one, or with `now` the only one. Conflict while there is a next one already. */
export const rotate = (ctx: Context, id: number, body: unknown): Promise<Rotated> =>
  guarded(ctx, 'webhooks', 'change', async (inside) => {
    const { secret, now } = parse(Rotate, body ?? {});
    const keys = await keysOf(inside, id);
    if (keys.next_secret_sealed && !now)
      throw new Conflict('There is a next secret already. Promote it first, or say `now`.');
    const made = secret === undefined ? newSecret() : undefined;
    const sealed = seal(inside, secret ?? made!);
    const promotes = new Date(inside.now().getTime() + overlap).toISOString();
    // No more than two are good at a time: one of an earlier rotation ends here.
    const written = now
      ? { ...alone, secret_sealed: sealed }
      : { ...alone, secret_sealed: keys.secret_sealed, next_secret_sealed: sealed, next_promotes_at: promotes };
    return { ...(await write(inside, id, written)), ...(made !== undefined && { secret: made }) };
  });

/** The next secret becomes the current one; the one before is good for a day more. */
export const promote = (ctx: Context, id: number): Promise<Rotated> =>
  guarded(ctx, 'webhooks', 'change', async (inside) => {
    const keys = await keysOf(inside, id);
    if (!keys.next_secret_sealed) throw new Conflict('There is no next secret. Rotate first.');
    return write(inside, id, promotion(keys, inside.now()));
  });

const alone = {
  next_secret_sealed: null,
  next_promotes_at: null,
  previous_secret_sealed: null,
  previous_expires_at: null,
};

async function keysOf(ctx: TenantContext, id: number): Promise<SecretColumns> {
  const { direction } = await store.get(ctx, webhookEndpoints, id, true);
  if (direction !== 'outbound')
    throw new Invalid('Only the secret of an outbound endpoint is rotated. Change that of an inbound one with PATCH.');
  return standing(await secretsOf(ctx, id), ctx.now());
}

async function write(ctx: TenantContext, id: number, keys: SecretColumns): Promise<Rotated> {
  await writeSecrets(ctx, id, keys);
  const line = { tenant_id: ctx.tenant.id, endpoint_id: id, actor: ctx.actor.label, at: timestamp(ctx) };
  ctx.db.afterCommit(() => ctx.log.info(line, 'The secret of a webhook endpoint was rotated.'));
  const { next_secret_sealed, next_promotes_at, previous_expires_at } = keys;
  return {
    endpoint: id,
    state: next_secret_sealed ? 'next' : 'current',
    promotes_at: next_promotes_at,
    previous_expires_at,
  };
}

const base = {
  method: 'POST',
  tag: 'webhooks',
  area: 'webhooks',
  action: 'change',
  kind: 'value',
  status: 200,
} as const;

export const rotationOperations: Operation[] = [
  {
    ...base,
    id: 'webhooks.rotate',
    path: 'webhooks/:id/rotate',
    summary:
      'Give the endpoint a new secret; the old one signs too until the new one is promoted, a day later by itself',
    body: Rotate,
    answer: Rotated,
    run: (ctx, input) => rotate(ctx, idOf(input), input.body),
  },
  {
    ...base,
    id: 'webhooks.promote',
    path: 'webhooks/:id/promote',
    summary: 'Make the next secret the current one; the one before signs too for another day',
    answer: Rotated,
    run: (ctx, input) => promote(ctx, idOf(input)),
  },
];
