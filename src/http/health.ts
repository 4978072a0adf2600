/** What the site's monitoring asks: alive, healthy, and the numbers. Open to all, no tenant. */
import type Router from '@koa/router';
import { metrics, register } from '../base/metrics.ts';
import type { Database } from '../db/database.ts';

export interface Check {
  status: 'healthy' | 'degraded' | 'unhealthy';
  component: string;
  error?: string;
  [detail: string]: unknown;
}

/** A part of the program that says how it is; named as in the answer. */
export type Checks = Record<string, () => Promise<Check> | Check>;

/** A check that takes longer is unhealthy: a probe must not hang with what it probes. In ms. */
const patience = 3_000;

export function mountHealth(
  router: Router,
  database: Database,
  checks: Checks,
  measure = async (): Promise<void> => undefined,
): void {
  router.get('/alive', (context) => {
    context.state.endpoint = '/alive/';
    context.body = { status: 'alive' };
  });
  router.get('/health', async (context) => {
    context.state.endpoint = '/health/';
    const answer = await health({ database: () => checkDatabase(database), ...checks });
    context.status = answer.status === 'unhealthy' ? 503 : 200;
    context.body = answer;
  });
  router.get('/metrics', async (context) => {
    context.state.endpoint = '/metrics/';
    metrics.connections.set(database.poolState().used);
    // The other numbers are worth having while the database is away.
    await measure().catch(() => undefined);
    context.type = register.contentType;
    context.body = await register.metrics();
  });
}

export async function health(checks: Checks) {
  const names = Object.keys(checks);
  const results = await Promise.all(names.map((name) => ask(name, checks[name]!)));
  const worst = (['unhealthy', 'degraded'] as const).find((status) =>
    results.some((result) => result.status === status),
  );
  return {
    status: worst ?? 'healthy',
    timestamp: new Date().toISOString(),
    checks: Object.fromEntries(names.map((name, index) => [name, results[index]!])),
  };
}

async function ask(component: string, check: Checks[string]): Promise<Check> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Check>((resolve) => {
    timer = setTimeout(() => resolve({ status: 'unhealthy', component, error: 'No answer in 3 seconds.' }), patience);
  });
  try {
    return await Promise.race([check(), late]);
  } catch (error) {
    return { status: 'unhealthy', component, error: (error as Error).message };
  } finally {
    clearTimeout(timer);
  }
}

async function checkDatabase(database: Database): Promise<Check> {
  await database.query('SELECT 1 AS one');
  return { status: 'healthy', component: 'database', engine: database.dialect, pool_size: database.poolState().size };
}
