/** live-data/stream/: what live-data/ answers, as it changes, as server-sent events. Ends when the daemon stops. */
import { Readable } from 'node:stream';
import type Router from '@koa/router';
import type { Context as KoaContext } from 'koa';
import { AppError, Forbidden } from '../base/errors.ts';
import type { TenantContext } from '../db/context.ts';
import * as live from '../domain/live/service.ts';
import { may } from '../resource/roles.ts';
import { type Alarm, Streams } from './live-streams.ts';
import type { Enter } from './mount.ts';

export { Streams };

const path = '/api/v1/live-data/stream';
/** How often a stream asks for what is new though nothing rang, and says that it is there when nothing is, in ms. */
const interval = 500;
const heartbeat = 15_000;
/** Between two questions that something rang for, so that a burst of commits costs ten a second at most, in ms. */
const gap = 100;
/** How long a reader may take nothing, and how long one that is to end may take to read the last of it, in ms. */
const readingTime = 60_000;
const partingTime = 1_000;

/** Must be mounted before the operations. */
export function mountLive(router: Router, enter: Enter, streams: Streams): void {
  router.get(path, async (koa) => {
    koa.state.endpoint = `${path}/`;
    const context = koa as unknown as KoaContext;
    const ctx = await welcome(enter, context);
    const lastId = context.get('Last-Event-ID');
    // What cannot be read is an answer with its status, not a stream that breaks off.
    const first = lastId === '' ? { ...(await live.snapshot(ctx)), ...nothing } : await live.after(ctx, lastId);
    context.set({ 'Cache-Control': 'no-store', 'X-Accel-Buffering': 'no' });
    context.type = 'text/event-stream';
    context.status = 200;
    if (context.method === 'HEAD') return;
    const gone = new AbortController();
    const { signal, alarm, end } = streams.begin(gone.signal);
    const stream = Readable.from(
      messages(
        first,
        () => welcome(enter, context),
        alarm,
        signal,
        () => context.res.destroy(),
      ),
    );
    stream.once('close', end);
    // Of the response, not of the stream: that one closes only once what it waits for has come.
    context.res.once('close', () => {
      gone.abort();
      stream.destroy();
    });
    // Whoever reads nothing would hold the stop up.
    signal.addEventListener('abort', () => setTimeout(() => context.res.destroy(), partingTime).unref());
    context.body = stream;
  });
}

const nothing = { deleted_assets: [], reset: false, more: false };

/** The caller as it stands now: the token may be revoked, the user disabled or of another role. */
async function welcome(enter: Enter, context: KoaContext): Promise<TenantContext> {
  const ctx = await enter(context);
  if (!may(ctx.actor, 'assets', 'view')) throw new Forbidden();
  return ctx;
}

/** Until the signal, until the caller may no longer, or until the database is away: then the client comes again. */
async function* messages(
  first: live.News,
  stillWelcome: () => Promise<TenantContext>,
  alarm: Alarm,
  signal: AbortSignal,
  giveUp: () => void,
): AsyncGenerator<string> {
  yield* patiently(`retry: 2000\n${message(first)}`, giveUp);
  let { cursor, more } = first;
  let spoken = Date.now();
  // What was committed since the first answer was read has rung before anyone listened.
  let asked = 0;
  let rang = Number.NEGATIVE_INFINITY;
  while (!signal.aborted) {
    const isRung = !more && (await alarm.next(rang + gap, asked + interval));
    if (signal.aborted) return;
    asked = performance.now();
    // Looking in vain holds nothing up: a scan after a quiet time is told at once.
    if (isRung) rang = asked;
    alarm.reset();
    try {
      const news = await live.after(await stillWelcome(), cursor);
      ({ cursor, more } = news);
      const silent = isEmpty(news);
      if (silent && Date.now() - spoken < heartbeat) continue;
      yield* patiently(silent ? `: heartbeat\nid: ${cursor}\n\n` : message(news), giveUp);
      spoken = Date.now();
    } catch (error) {
      if (error instanceof AppError) return;
      throw error;
    }
  }
}

/** Gives up a reader that does not take the text in time: it holds a place that others wait for. */
function* patiently(text: string, giveUp: () => void): Generator<string> {
  const timer = setTimeout(giveUp, readingTime).unref();
  try {
    yield text;
  } finally {
    clearTimeout(timer);
  }
}

const isEmpty = ({ assets, scan_events, device_actions, deleted_assets, reset }: live.News): boolean =>
  !reset && assets.length + scan_events.length + device_actions.length + deleted_assets.length === 0;

function message({ more: _, reset, cursor, ...data }: live.News): string {
  return `${reset ? 'event: reset\n' : ''}id: ${cursor}\ndata: ${JSON.stringify(data)}\n\n`;
}
