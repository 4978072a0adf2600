/** live-data/stream/: what live-data/ answers, as it changes, as server-sent events. Ends when the daemon stops. */

import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type Router from '@koa/router';
import type { Context as KoaContext } from 'koa';
import { AppError, Forbidden, Unavailable } from '../base/errors.ts';
import type { TenantContext } from '../db/context.ts';
import * as live from '../domain/live/service.ts';
import { may } from '../resource/roles.ts';
import type { Enter } from './mount.ts';

const path = '/api/v1/live-data/stream';
/** How often a stream asks for what is new, and says that it is there when nothing is, in ms. */
const interval = 500;
const heartbeat = 15_000;
/** Open at once in one process: each costs a few statements a second. */
const maxStreams = 200;

/** The streams that are open, so that a stop can end them: a server waits for answers under way. */
export class Streams {
  readonly #stop = new AbortController();
  #open = 0;

  /** Unavailable when there are too many, or none are begun any more. */
  begin(): AbortSignal {
    if (this.#stop.signal.aborted || this.#open >= maxStreams)
      throw new Unavailable('Too many live streams are open here. Try again.');
    this.#open += 1;
    return this.#stop.signal;
  }

  end(): void {
    this.#open -= 1;
  }

  stop(): void {
    this.#stop.abort();
  }
}

/** Must be mounted before the operations. */
export function mountLive(router: Router, enter: Enter, streams: Streams): void {
  router.get(path, async (koa) => {
    koa.state.endpoint = `${path}/`;
    const context = koa as unknown as KoaContext;
    const ctx = await enter(context);
    if (!may(ctx.actor, 'assets', 'view')) throw new Forbidden();
    const lastId = context.get('Last-Event-ID');
    // What cannot be read is an answer with its status, not a stream that breaks off.
    const first = lastId === '' ? { ...(await live.snapshot(ctx)), ...nothing } : await live.after(ctx, lastId);
    context.set({ 'Cache-Control': 'no-store', 'X-Accel-Buffering': 'no' });
    context.type = 'text/event-stream';
    context.status = 200;
    if (context.method === 'HEAD') return;
    const signal = streams.begin();
    const gone = new AbortController();
    const stream = Readable.from(messages(ctx, first, () => enter(context), AbortSignal.any([signal, gone.signal])));
    stream.once('close', () => {
      gone.abort();
      streams.end();
    });
    context.res.once('close', () => stream.destroy());
    context.body = stream;
  });
}

const nothing = { deleted_assets: [], reset: false, more: false };

/** Until the signal, until the caller may no longer, or until the database is away: then the client comes again. */
async function* messages(
  ctx: TenantContext,
  first: live.News,
  stillWelcome: () => Promise<TenantContext>,
  signal: AbortSignal,
): AsyncGenerator<string> {
  yield `retry: 2000\n${message(first)}`;
  let cursor = first.cursor;
  let spoken = Date.now();
  let more = first.more;
  while (!signal.aborted) {
    if (!more) await sleep(interval, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    try {
      if (Date.now() - spoken >= heartbeat) {
        await stillWelcome();
        yield `: heartbeat\nid: ${cursor}\n\n`;
        spoken = Date.now();
      }
      const news = await live.after(ctx, cursor);
      ({ cursor, more } = news);
      if (isEmpty(news)) continue;
      yield message(news);
      spoken = Date.now();
    } catch (error) {
      if (error instanceof AppError) return;
      throw error;
    }
  }
}

const isEmpty = ({ assets, scan_events, deleted_assets, reset }: live.News): boolean =>
  !reset && assets.length + scan_events.length + deleted_assets.length === 0;

function message({ more: _, reset, cursor, ...data }: live.News): string {
  return `${reset ? 'event: reset\n' : ''}id: ${cursor}\ndata: ${JSON.stringify(data)}\n\n`;
}
