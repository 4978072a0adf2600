/** A scan, from wherever it came: validated, resolved to its asset, stored with its history record, even if rejected. */
import { Conflict } from '../../base/errors.ts';
import { metrics } from '../../base/metrics.ts';
import type { Context, TenantContext } from '../../db/context.ts';
import { guarded, Reply, serve } from '../../resource/serve.ts';
import { earlier, inputOf, recordOnce } from './event.ts';
import { type ScanRow, scanEvents } from './resource.ts';

export { type Outcome, recordMany, refusalOf } from './many.ts';
export type { ScanRow } from './resource.ts';

export const served = serve(scanEvents, {}, ['list', 'get', 'create']);
served.create = async (ctx, body) => (await record(ctx, body)).scan;

/** The same `client_event_id` again answers 200 with the scan that is already there. */
const create = served.operations.find(({ method }) => method === 'POST')!;
create.alsoAnswers = { status: 200, about: 'The scan that this client_event_id already named' };
create.run = async (ctx, input) => {
  const { scan, repeated } = await record(ctx, input.body);
  return repeated ? new Reply(200, scan) : scan;
};

/** Stores the scan once. Conflict when its client_event_id was used for another value. */
export async function record(ctx: Context, body: unknown): Promise<{ scan: ScanRow; repeated: boolean }> {
  const input = inputOf(body);
  try {
    const recorded = await guarded(ctx, 'assets', 'create', (inside) => recordOnce(inside, input));
    if (!recorded.repeated) count(recorded.scan);
    return recorded;
  } catch (error) {
    // Two requests brought one event at once: the other's transaction won. Within a larger transaction nothing can be asked
    // any more: PostgreSQL has given it up.
    const askable = error instanceof Conflict && ctx.tenant && !ctx.db.inTransaction;
    const known = askable ? await earlier(ctx as TenantContext, input) : undefined;
    if (known) return { scan: known, repeated: true };
    throw error;
  }
}

/** One scan that is committed. */
export const count = ({ source_type, status }: ScanRow): void => metrics.scans.inc({ source_type, status });
