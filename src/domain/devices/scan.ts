/** A scan from a scanner, wherever that is plugged in: recorded like any other, then what the scanner's mode makes of it. */
import { z } from 'zod';
import { Conflict } from '../../base/errors.ts';
import type { Context, TenantContext } from '../../db/context.ts';
import { modes } from '../../devices/kinds.ts';
import { deviceSettings } from '../../devices/settings.ts';
import { instant, rawText, text } from '../../resource/fields.ts';
import { parse } from '../../resource/parse.ts';
import { guarded } from '../../resource/serve.ts';
import * as store from '../../resource/store.ts';
import * as accounts from '../accounts/service.ts';
import * as barcodes from '../barcodes/service.ts';
import * as locations from '../locations/service.ts';
import { resolve } from '../resolve/service.ts';
import * as scans from '../scans/service.ts';
import { act, type Deed, type Site } from './acts.ts';
import { badged, commanded, endOf, ModeState, placed, type Resting, stateAt, type Turn } from './modes.ts';
import { type ActionRow, deviceActions, outcomes } from './resource.ts';

const { mode, mode_timeout_s, session } = deviceSettings.shape;

export const DeviceScan = z.object({
  /** The scanner's name. */
  device: text(120),
  client_event_id: z.uuid().toLowerCase(),
  raw_value: rawText(512),
  captured_at: instant(),
  /** Code of the place where the scanner stands. */
  location: z.string().max(80).default(''),
  mode,
  mode_timeout_s,
  session,
  /** `web`: somebody typed it. */
  source_type: z.enum(['external_scanner', 'web']).default('external_scanner'),
  /** What the answer to the scanner's scan before had; null for its first. */
  state: ModeState.nullable().default(null),
});

export const DeviceAnswer = z.object({
  scan: scans.served.resource.read,
  /** It came before; nothing was done again. */
  repeated: z.boolean(),
  outcome: z.enum(outcomes),
  /** A sentence for whoever scans. */
  message: z.string(),
  mode: z.enum(modes),
  /** When silence will end what was begun. */
  mode_until: z.string().nullable(),
  state: ModeState,
});

export interface Answer extends Omit<z.output<typeof DeviceAnswer>, 'scan'> {
  scan: scans.ScanRow;
}

/** A scan with what is known of its scanner. */
export interface Scanned extends Resting, Site {
  device: string;
  client_event_id: string;
  raw_value: string;
  captured_at: string;
  source_type?: 'external_scanner' | 'web';
  state: ModeState | null;
}

/** From a device host: a place that is not known here is no reason to refuse the scan, but is told with the answer. */
export async function receive(ctx: Context, body: unknown): Promise<Answer> {
  const { location: code, ...input } = parse(DeviceScan, body);
  const location =
    code === '' ? undefined : await guarded(ctx, 'assets', 'view', (inside) => locations.byCode(inside, code));
  const answer = await take({ ...ctx, device: input.device }, { ...input, location: location?.id ?? null });
  const remark = `The location ${code} of this scanner is not known here. Correct it.`;
  return code !== '' && !location ? { ...answer, message: `${answer.message} ${remark}` } : answer;
}

/** Records the scan once, and does once what the mode says, both or neither. */
export async function take(ctx: Context, scanned: Scanned): Promise<Answer> {
  const attempt = () => guarded(ctx, 'assets', 'create', (inside) => takeInside(inside, scanned));
  try {
    return await attempt();
  } catch (error) {
    // It came twice at once, as when an answer was late: the other one has stored it by now.
    if (error instanceof Conflict) return attempt();
    throw error;
  }
}

async function takeInside(ctx: TenantContext, scanned: Scanned): Promise<Answer> {
  const { client_event_id, raw_value, captured_at, location, source_type = 'external_scanner' } = scanned;
  const body = { client_event_id, raw_value, captured_at, location, source_type };
  const { scan, repeated } = await scans.record(ctx, body);
  const state = stateAt(scanned.state, scanned, captured_at);
  const turn = scan.asset === null ? await turned(ctx, scan, state, scanned) : undefined;
  const { outcome, message } = turn ?? (await done(ctx, scan, repeated, state, scanned));
  const next = turn?.state ?? state;
  const answer = { scan, repeated, outcome, message, mode: next.mode, mode_until: endOf(next, scanned), state: next };
  if (!repeated && (turn || !isPlain(state, scanned))) await note(ctx, answer, state.mode, scanned);
  return answer;
}

/** Recording with nothing begun: the scan itself says everything. */
const isPlain = (state: ModeState, rest: Resting): boolean => state.mode === 'record' && endOf(state, rest) === null;

function note(ctx: TenantContext, answer: Answer, mode: ModeState['mode'], { device, mode: rest_mode }: Scanned) {
  const { scan, outcome, message, mode_until, state } = answer;
  return store.insert(ctx, deviceActions, {
    scan_event: scan.id,
    device,
    mode,
    outcome,
    message: message.slice(0, 500),
    next_mode: state.mode,
    mode_until,
    rest_mode,
    subject: state.member_name || state.place_name,
  });
}

/** Where a code that names no asset leads; undefined for one that means nothing to a scanner. */
async function turned(
  ctx: TenantContext,
  scan: scans.ScanRow,
  state: ModeState,
  scanned: Scanned,
): Promise<Turn | undefined> {
  const meaning = await resolve(ctx, scan.raw_value);
  if (meaning.kind === 'command') return commanded(state, scanned, meaning.command);
  if (state.mode === 'check_out') {
    const member = await accounts.memberByBadge(ctx, barcodes.candidates(scan.raw_value).text);
    if (member) return badged(state, member);
  }
  // A stock-take without a location takes the first that is scanned.
  const isPlace = meaning.kind === 'location' && state.mode !== 'stock_take';
  return isPlace ? placed(state, meaning.location) : undefined;
}

/** What was done with a scan that came before is told from the journal. */
async function done(
  ctx: TenantContext,
  scan: scans.ScanRow,
  repeated: boolean,
  state: ModeState,
  site: Scanned,
): Promise<Deed> {
  const known = repeated ? await actionOf(ctx, scan.id) : undefined;
  if (known) return known;
  // Without an entry it was recorded and no more.
  if (repeated || state.mode === 'record') return act(ctx, scan, { ...state, mode: 'record' }, site);
  return act(ctx, scan, state, site);
}

const actionOf = (ctx: TenantContext, scan: number): Promise<ActionRow | undefined> =>
  store.findBy(ctx, deviceActions, 'scan_event_id', scan);
