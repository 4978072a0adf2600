/** One request seen from outside: its id, its log line, its metrics. */
import type { Middleware } from 'koa';
import { newUuid } from '../base/ids.ts';
import type { Log } from '../base/log.ts';
import { metrics } from '../base/metrics.ts';

export interface RequestState {
  request_id: string;
  /** The route pattern, such as `/api/v1/assets/:id/`. */
  endpoint?: string;
  tenant_id?: string;
  user_id?: number;
}

const usableId = /^[\x21-\x7e]{1,128}$/;

export function observe(log: Log): Middleware<RequestState> {
  return async (context, next) => {
    const started = performance.now();
    const sent = context.get('X-Request-ID');
    context.state.request_id = usableId.test(sent) ? sent : newUuid();
    context.set('X-Request-ID', context.state.request_id);
    await next();
    const duration = performance.now() - started;
    const { method, status } = context;
    const endpoint = context.state.endpoint ?? 'unrouted';
    metrics.requests.inc({ method, endpoint, status_code: status });
    metrics.requestDuration.observe({ method, endpoint }, duration / 1000);
    const { request_id, tenant_id, user_id } = context.state;
    const line = { request_id, tenant_id, user_id, status_code: status, duration_ms: Math.round(duration * 100) / 100 };
    const message = `${method} ${context.path} ${status}`;
    if (status >= 500) log.error(line, message);
    else if (status >= 400) log.warn(line, message);
    else log.info(line, message);
  };
}
