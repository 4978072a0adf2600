import { text } from 'node:stream/consumers';
import { ConfigError } from '../../base/errors.ts';
import type { GlobalFlags, Run } from '../command.ts';
import { withSite } from '../site.ts';

interface Flags extends GlobalFlags {
  tenant: string;
  secretStdin?: boolean;
  now?: boolean;
  promote?: boolean;
}

export const run: Run<Flags> = ({ args, flags, out }) =>
  withSite(flags, async (site) => {
    if (flags.promote && (flags.now || flags.secretStdin))
      throw new ConfigError('--promote takes the secret that is next already. Leave out --now and --secret-stdin.');
    const ctx = await site.inTenant(flags.tenant);
    const webhooks = await import('../../domain/webhooks/service.ts');
    const id = await webhooks.named(ctx, args[0]!);
    const secret = flags.secretStdin ? (await text(process.stdin)).replace(/\r?\n$/, '') : undefined;
    const body = { now: flags.now ?? false, ...(secret !== undefined && { secret }) };
    const rotated = flags.promote ? await webhooks.promote(ctx, id) : await webhooks.rotate(ctx, id, body);
    const document = {
      ...rotated,
      ...(rotated.secret !== undefined && { standard_secret: webhooks.standardSecret(rotated.secret) }),
    };
    out.result(document, () => describe(document));
    return undefined;
  });

interface Told {
  state: 'next' | 'current';
  secret?: string;
  standard_secret?: string;
  promotes_at: string | null;
  previous_expires_at: string | null;
}

function describe({ state, secret, standard_secret, promotes_at, previous_expires_at }: Told): string {
  const lines =
    secret === undefined
      ? []
      : [`The new secret, shown this once:\n${secret}`, `For Standard Webhooks:\n${standard_secret}`];
  if (state === 'next') lines.push(`Both secrets sign until ${promotes_at}; then the new one is the current one.`);
  else if (previous_expires_at)
    lines.push(`It is the current secret now; the one before signs too until ${previous_expires_at}.`);
  else lines.push('It is the only secret from now on.');
  return lines.join('\n');
}
