import { NotFound } from '../../base/errors.ts';
import type { DeadDelivery } from '../../domain/webhooks/dead-letters.ts';
import type { GlobalFlags, Run } from '../command.ts';
import { table } from '../output.ts';
import { withSite } from '../site.ts';

export const run: Run<GlobalFlags> = ({ args, flags, out }) =>
  withSite(flags, async (site) => {
    const { deadLetters } = await import('../../domain/webhooks/service.ts');
    const found = await deadLetters.show(site.ctx, args[0]!);
    if (!found)
      throw new NotFound(`There is no dead letter ${args[0]}. \`assetra deadletter list\` shows those there are.`);
    out.result(found, () => describe(found as DeadDelivery));
    return undefined;
  });

function describe(letter: DeadDelivery): string {
  const { id, name, endpoint_name, reason, error, payload, response_body, attempts_made = [] } = letter;
  const attempts = attempts_made.map((attempt) => {
    const {
      at,
      round,
      attempt: number,
      response_code,
      duration_ms,
      reason,
      ip,
    } = attempt as Record<string, string | number>;
    return [at, round, number, response_code, duration_ms, reason, ip];
  });
  return [
    `${id}: ${name}${endpoint_name ? ` to ${endpoint_name}` : ''}`,
    `${reason}: ${error}`,
    ...(response_body ? [`The receiver said: ${printable(response_body)}`] : []),
    '',
    JSON.stringify(payload, null, 2),
    ...(attempts.length > 0
      ? ['', table(['AT', 'ROUND', 'ATTEMPT', 'HTTP', 'MS', 'REASON', 'ADDRESS'], attempts)]
      : []),
  ].join('\n');
}

/** On one line, whatever a receiver may have answered: nothing in it is to steer the terminal. */
const printable = (text: string): string => text.slice(0, 500).replace(/\p{C}+/gu, ' ');
