/** Every kind of job, and what the clock starts. */
import type { Config } from '../base/config.ts';
import type { Context } from '../db/context.ts';
import * as webhooks from '../domain/webhooks/service.ts';
import type { AnyKind, Schedule } from '../queue/kind.ts';
import { clean, cleaning } from './clean.ts';

/** `sender` is whose connections deliveries use; whoever made it closes it. */
export const kinds = (config: Pick<Config, 'changeDays' | 'webhooks'>, sender: webhooks.Sender): AnyKind[] => [
  clean({ changeDays: config.changeDays, deliveryDays: config.webhooks.deliveryDays }),
  ...webhooks.kinds(sender, config.webhooks),
];

/** Asked for again and again, as some are a tenant's own. */
export async function schedules(_ctx: Context): Promise<Schedule[]> {
  return [cleaning];
}
