/**
 * Sends what the queue holds, oldest first and one at a time, so that the server gets scans in the order they were made, each
 * with the state that the one before it led to.
 */
import { Away, call, Refused, ShutOut } from './api.js';
import { now } from './clock.js';

const pauses = [500, 1_000, 2_000, 4_000, 8_000];
/** Faults of the scan itself, which no later attempt cures. */
const finals = [400, 409, 413, 415, 422];
/** Nobody stands before the screen any more who could read a refusal, in ms. */
const late = 60_000;

/** `on.answered(scan, answer)`, `on.refused(scan, reason)`, `on.away(scan, reason)`, `on.shutOut()`, `on.moved()` when counts changed. */
export function createOutbox(queue, identity, on) {
  const { token, tenant_id: tenant } = identity;
  const gone = new AbortController();
  let running = false;
  let asked = false;
  let failures = 0;
  let poke = () => {};

  const send = async (scan) => {
    const body = bodyOf(scan, identity, await queue.state(tenant));
    try {
      const answer = await call('POST', 'device-scans/', { token, tenant, body, signal: gone.signal });
      failures = 0;
      // Shown first. A page that ends here sends it once more, and gets the same answer.
      on.answered(scan, answer);
      const unseen = answer.outcome === 'refused' && now() - Date.parse(scan.at) > late;
      await queue.done(scan, answer.state, unseen ? answer.message : undefined);
    } catch (error) {
      if (!(error instanceof Refused && finals.includes(error.status))) throw error;
      failures = 0;
      on.refused(scan, error.message);
      await queue.refuse(scan, error.message);
    }
    on.moved();
  };
  const drain = async () => {
    while (!gone.signal.aborted) {
      let scan;
      try {
        scan = await queue.first(tenant);
        if (!scan) return;
        await send(scan);
      } catch (error) {
        if (gone.signal.aborted) return;
        if (error instanceof ShutOut) return on.shutOut();
        // Whatever else went wrong, the queue goes on. A role or an address that does not fit can be mended, so the scan waits.
        if (scan && (error instanceof Away || error instanceof Refused)) on.away(scan, error);
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
      // Another window may have sent what was counted here.
      on.moved();
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

/** The same as a device host sends of a scanner on a line. */
const bodyOf = ({ id, raw, at, typed }, { name, location = '', mode = 'record', mode_timeout_s = 120 }, state) => ({
  device: name,
  client_event_id: id,
  raw_value: raw,
  captured_at: at,
  source_type: typed ? 'web' : 'external_scanner',
  location,
  mode,
  mode_timeout_s,
  state,
});

/** Two windows of one browser share a queue: one of them sends. Only a secure page can tell; the event ids keep it right anyway. */
const alone = (work) => (navigator.locks ? navigator.locks.request('assetra-kiosk-outbox', work) : work());
