/** The live stream: fetch instead of EventSource, which cannot send a token. Goes on where it was cut. */
import { Away, check, reach, ShutOut } from './api.js';

/** The server says something every 15 s; after this silence the line is dead. In ms. */
const silence = 40_000;
const pauses = [250, 500, 1_000, 2_000, 5_000];

/**
 * Follows until `stop()`. `on.news(data, whole)` – whole when it is where things stand, not what has changed since;
 * `on.line(connected, error)`; `on.shutOut()`.
 */
export function follow({ token, tenant }, on) {
  const gone = new AbortController();
  let lastId;
  let failures = 0;
  let poke = () => {};

  const once = async () => {
    const quiet = new AbortController();
    const headers = { Authorization: `Bearer ${token}`, 'X-Tenant-ID': String(tenant), Accept: 'text/event-stream' };
    if (lastId !== undefined) headers['Last-Event-ID'] = lastId;
    const resumed = lastId !== undefined;
    const dog = watchdog(() => quiet.abort());
    try {
      const answer = await reach('live-data/stream/', {
        headers,
        signal: AbortSignal.any([gone.signal, quiet.signal]),
      });
      await check(answer);
      let first = !resumed;
      for await (const event of events(answer.body, dog.pat)) {
        failures = 0;
        on.line(true);
        if (event.id !== undefined) lastId = event.id;
        if (event.data === undefined) continue;
        on.news(JSON.parse(event.data), first || event.event === 'reset');
        first = false;
      }
    } finally {
      dog.stop();
    }
  };
  const run = async () => {
    while (!gone.signal.aborted) {
      const error = await once().catch((thrown) => thrown);
      if (gone.signal.aborted) return;
      on.line(false, error);
      if (error instanceof ShutOut) return on.shutOut();
      const pause = Math.max(pauses[Math.min(failures, pauses.length - 1)], error instanceof Away ? error.wait : 0);
      failures += 1;
      await new Promise((resolve) => {
        poke = resolve;
        setTimeout(resolve, pause);
      });
    }
  };
  run();
  return { stop: () => gone.abort(), hurry: () => poke() };
}

function watchdog(bite) {
  let timer = setTimeout(bite, silence);
  return {
    pat: () => {
      clearTimeout(timer);
      timer = setTimeout(bite, silence);
    },
    stop: () => clearTimeout(timer),
  };
}

/** Server-sent events of a body, comments left out. */
async function* events(body, heard) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    heard();
    text += value;
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      yield Object.fromEntries(
        text
          .slice(0, end)
          .split('\n')
          .map((line) => /^(id|event|data): (.*)$/.exec(line))
          .filter(Boolean)
          .map(([, name, rest]) => [name, rest]),
      );
      text = text.slice(end + 2);
    }
  }
}
