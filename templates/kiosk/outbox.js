/** Sends what the queue holds, oldest first and one at a time, so that the server gets scans in the order they were made. */
import { Away, call, Refused, ShutOut } from './api.js';

const pauses = [500, 1_000, 2_000, 4_000, 8_000];

/** `on.answered(scan, event)`, `on.refused(scan, reason)`, `on.away(scan)`, `on.shutOut()`, `on.moved()` when counts changed. */
export function createOutbox(queue, { token, tenant_id: tenant }, on) {
  const gone = new AbortController();
  let running = false;
  let asked = false;
  let failures = 0;
  let poke = () => {};

  const send = async (scan) => {
    const { id, raw, at, typed } = scan;
    const body = {
      client_event_id: id,
      raw_value: raw,
      source_type: typed ? 'web' : 'external_scanner',
      offline_captured_at: at,
    };
    try {
      const event = await call('POST', 'scan-events/', { token, tenant, body, signal: gone.signal });
      failures = 0;
      // Shown first. A page that ends here sends it once more, and gets the same event.
      on.answered(scan, event);
      await queue.done(scan);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      failures = 0;
      on.refused(scan, error.message);
      await queue.refuse(scan, error.message);
    }
    on.moved();
  };
  const drain = async () => {
    while (!gone.signal.aborted) {
      const scan = await queue.first(tenant);
      if (!scan) return;
      try {
        await send(scan);
      } catch (error) {
        if (gone.signal.aborted) return;
        if (error instanceof ShutOut) return on.shutOut();
        // Whatever else went wrong, the queue goes on.
        if (error instanceof Away) on.away(scan);
        await pause(Math.max(pauses[Math.min(failures, pauses.length - 1)], error.wait ?? 0));
        failures += 1;
      }
    }
  };
  const pause = (ms) =>
    new Promise((resolve) => {
      poke = resolve;
      setTimeout(resolve, ms);
    });
  const kick = async () => {
    asked = true;
    if (running) return;
    running = true;
    while (asked) {
      asked = false;
      await alone(drain);
    }
    running = false;
  };
  return {
    kick,
    hurry: () => {
      failures = 0;
      poke();
      kick();
    },
    stop: () => {
      gone.abort();
      poke();
    },
  };
}

/** Two windows of one browser share a queue: one of them sends. Only a secure page can tell; the event ids keep it right anyway. */
const alone = (work) => (navigator.locks ? navigator.locks.request('assetra-kiosk-outbox', work) : work());
