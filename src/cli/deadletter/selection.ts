/** Which dead letters a command means, from its arguments. */
import { ConfigError } from '../../base/errors.ts';
import type { Context } from '../../db/context.ts';
import type { Selection } from '../../domain/webhooks/dead-letters.ts';
import { parseInstant } from '../../resource/fields.ts';
import type { GlobalFlags } from '../command.ts';
import type { Site } from '../site.ts';

export interface SelectionFlags extends GlobalFlags {
  tenant?: string;
  /** Id or name. */
  endpoint?: string;
  since?: string;
  all?: boolean;
  dryRun?: boolean;
}

export const contextOf = async (site: Site, { tenant }: SelectionFlags): Promise<Context> =>
  tenant ? site.inTenant(tenant) : site.ctx;

export async function selectionOf(
  ctx: Context,
  ids: readonly string[],
  { endpoint, since }: SelectionFlags,
): Promise<Selection> {
  const { named } = await import('../../domain/webhooks/service.ts');
  return {
    ...(ids.length > 0 && { ids }),
    ...(endpoint !== undefined && { endpoint: await named(ctx, endpoint) }),
    ...(since !== undefined && { since: momentOf(since) }),
  };
}

/** ConfigError when nothing says which ones: all of them must be said. */
export function requireSelection(ids: readonly string[], flags: SelectionFlags): void {
  const named =
    ids.length > 0 || flags.endpoint !== undefined || flags.since !== undefined || flags.tenant !== undefined;
  if (!named && !flags.all) throw new ConfigError('Say which ones: ids, --endpoint, --since, --tenant, or --all.');
  if (ids.length > 0 && flags.all) throw new ConfigError('Give ids or --all, not both.');
}

const units = { m: 60_000, h: 3_600_000, d: 86_400_000 };

function momentOf(text: string): string {
  const [, count, unit] = /^(\d{1,5})([mhd])$/.exec(text) ?? [];
  const moment = count
    ? new Date(Date.now() - Number(count) * units[unit as keyof typeof units]).toISOString()
    : parseInstant(text);
  if (!moment)
    throw new ConfigError(`--since must be a time such as 2026-01-31T12:00:00Z, or 30m, 2h, 3d, not "${text}".`);
  return moment;
}
