/** Whatever was thrown -> one JSON answer in the contract's shape. The only place where an error becomes a response. */
import type { IncomingMessage } from 'node:http';
import type { Middleware } from 'koa';
import { AppError, Malformed } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { RequestState } from './request.ts';

export function answerErrors(log: Log): Middleware<RequestState> {
  return async (context, next) => {
    try {
      await next();
    } catch (thrown) {
      const error = known(thrown);
      const { request_id, tenant_id, user_id } = context.state;
      // Its cause tells an operator more than its sentence; a client gets the sentence alone.
      if (error.status >= 500) log.error({ err: error.cause ?? thrown, request_id, tenant_id, user_id }, error.message);
      context.status = error.status;
      context.type = 'json';
      if (error.retryAfter !== undefined) context.set('Retry-After', String(error.retryAfter));
      if (error.status === 401) context.set('WWW-Authenticate', 'Bearer realm="api"');
      if (error.status === 413) {
        await readOut(context.req);
        context.set('Connection', 'close');
      }
      context.body = JSON.stringify(error.status === 400 && error.fields ? error.fields : { detail: error.message });
    }
  };
}

/** How far, in bytes, and how long, in ms, the rest of a body that is too long is still taken. */
const mostReadOut = 64 * 1024 * 1024;
const longestReadOut = 10_000;

/** A client that is still writing when the connection closes never reads why: to it that is a cut, and it sends the same again. */
function readOut(request: IncomingMessage): Promise<void> {
  if (request.complete || request.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    let length = 0;
    const timer = setTimeout(resolve, longestReadOut);
    const end = () => {
      clearTimeout(timer);
      resolve();
    };
    request.unpipe();
    request.on('data', (part: Buffer) => {
      length += part.length;
      if (length > mostReadOut) end();
    });
    for (const event of ['end', 'close', 'error']) request.once(event, end);
    request.resume();
  });
}

/** 404 and 405 that no route answered, in the contract's shape. */
export const answerUnrouted: Middleware<RequestState> = async (context, next) => {
  await next();
  if (context.body != null || context.respond === false) return;
  if (context.status === 404) throw new AppError('not_found', 404, 'Not found.');
  if (context.status === 405) throw new AppError('method_not_allowed', 405, `Method "${context.method}" not allowed.`);
  if (context.status === 501) throw new AppError('method_not_allowed', 405, `Method "${context.method}" not allowed.`);
};

function known(thrown: unknown): AppError {
  if (thrown instanceof AppError) return thrown;
  const { status, type } = (thrown ?? {}) as { status?: number; type?: string };
  if (thrown instanceof SyntaxError && status === 400) {
    // What the reader refuses of valid JSON: it could change what every object is.
    const forbidden = /prototype/.test(thrown.message);
    return new Malformed(
      forbidden ? 'A key "__proto__" is not taken here.' : 'JSON parse error. Send a valid JSON object or list.',
    );
  }
  if (status === 413 || type === 'entity.too.large') return new Malformed('The body is too large.', 413);
  if (status === 415) return new Malformed('Unsupported content encoding or character set.', 415);
  if (type === 'request.size.invalid' || type === 'request.aborted' || status === 400)
    return new Malformed('The request could not be read.');
  return new AppError('internal', 500, 'Something went wrong here. The log has the details.', { cause: thrown });
}
