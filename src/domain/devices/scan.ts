/** A scan from a scanner, wherever that is plugged in: recorded like any other, then what the scanner's mode makes of it. */
import { z } from 'zod';
import { Conflict } from '../../base/errors.ts';
import type { Context, TenantContext } from '../../db/context.ts';
import { modes } from '../../devices/kinds.ts';
import { deviceSettings } from '../../devices/settings.ts';
import { instant, rawText, text } from '../../resource/fields.ts';
import { parse } from '../../resource/parse.ts';
import { isThere } from '../../resource/references.ts';
import { guarded } from '../../resource/serve.ts';
import * as store from '../../resource/store.ts';
import * as accounts from '../accounts/service.ts';
import * as barcodes from '../barcodes/service.ts';
import * as locations from '../locations/service.ts';
import { placeOrCommand } from '../resolve/service.ts';
import * as scans from '../scans/service.ts';
import { act, type Deed, type Site } from './acts.ts';
import { badged, commanded, endOf, ModeState, mostScans, placed, type Resting, stateAt, type Turn } from './modes.ts';
import { type ActionRow, deviceActions, devices, outcomes } from './resource.ts';

const { mode, mode_timeout_s, session } = deviceSettings.shape;

const LineScan = z.object({
  client_event_id: z.uuid().toLowerCase(),
  raw_value: rawText(512),
  captured_at: instant(),
});

const scannerFields = {
  /** The scanner's name. */
  device: text(120),
  /** Code of the place where the scanner stands. */
  location: z.string().max(80).default(''),
  mode,
  mode_timeout_s,
  session,
  /** `web`: somebody typed it. */
  source_type: z.enum(['external_scanner', 'web']).default('external_scanner'),
  /** What the answer to the scanner's scan before had; null for its first. */
  state: ModeState.nullable().default(null),
};

export const DeviceScan = LineScan.extend(scannerFields);
/** Scans of one scanner in their order. */
export const DeviceScans = z.object({ ...scannerFields, scans: z.array(LineScan).min(1).max(mostScans) });

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

export const DeviceAnswers = z.object({ results: z.array(DeviceAnswer) });

/** What is known of a scanner when its scans come. */
export interface Scanner extends Resting, Site {
  device: string;
  source_type?: 'external_scanner' | 'web';
  state: ModeState | null;
}

export type LineScan = z.output<typeof LineScan>;

/** One scan from a device host. */
export async function receive(ctx: Context, body: unknown): Promise<Answer> {
  const { client_event_id, raw_value, captured_at, ...scanner } = parse(DeviceScan, body);
  return (await received(ctx, scanner, [{ client_event_id, raw_value, captured_at }]))[0]!;
}

/** Several, of which none is recorded when one is refused. */
export async function receiveMany(ctx: Context, body: unknown): Promise<{ results: Answer[] }> {
  const { scans: sent, ...scanner } = parse(DeviceScans, body);
  return { results: await received(ctx, scanner, sent) };
}

/** A place that is not known here is no reason to refuse a scan, but is told with the answer. */
async function received(
  ctx: Context,
  { location: code, ...scanner }: Omit<z.output<typeof DeviceScans>, 'scans'>,
  sent: readonly LineScan[],
): Promise<Answer[]> {
  const location =
    code === '' ? undefined : await guarded(ctx, 'assets', 'view', (inside) => locations.byCode(inside, code));
  const answers = await take({ ...ctx, device: scanner.device }, { ...scanner, location: location?.id ?? null }, sent);
  if (code === '' || location) return answers;
  const remark = `The location ${code} of this scanner is not known here. Correct it.`;
  return answers.map((answer) => ({ ...answer, message: `${answer.message} ${remark}` }));
}

/** Records the scans once, in their order, and does once what the mode says of each: all of it or nothing. */
export async function take(ctx: Context, scanner: Scanner, sent: readonly LineScan[]): Promise<Answer[]> {
  const attempt = () =>
    guarded(ctx, 'assets', 'create', (inside) => takeInside(inside, scanner, sent), { long: sent.length > 1 });
  const answers = await attempt().catch((error: unknown) => {
    // They came twice at once, as when an answer was late: the other request has stored them by now.
    if (error instanceof Conflict) return attempt();
    throw error;
  });
  for (const { scan, repeated } of answers) if (!repeated) scans.count(scan);
  return answers;
}

async function takeInside(ctx: TenantContext, scanner: Scanner, sent: readonly LineScan[]): Promise<Answer[]> {
  const location = await standing(ctx, scanner.location);
  const { source_type = 'external_scanner' } = scanner;
  const bodies = sent.map((scan) => ({ ...scan, location, source_type }));
  const answers: Answer[] = [];
  let { state } = scanner;
  const outcomes = await scans.recordMany(ctx, bodies, { inOrder: true, hold: sent.length > 1 });
  for (const [index, outcome] of outcomes.entries()) {
    if ('refusal' in outcome) throw outcome.refusal;
    const met = stateAt(state, scanner, sent[index]!.captured_at);
    const answer = await answered(ctx, outcome, met, { ...scanner, location });
    answers.push(answer);
    state = answer.state;
  }
  return answers;
}

/** A place that was deleted while its scanner went on is no reason to refuse what was scanned. */
async function standing(ctx: TenantContext, location: number | null): Promise<number | null> {
  const place = devices.refs!.location!;
  return location !== null && (await isThere(ctx, place, location)) ? location : null;
}

async function answered(
  ctx: TenantContext,
  { scan, repeated }: { scan: scans.ScanRow; repeated: boolean },
  state: ModeState,
  scanner: Scanner,
): Promise<Answer> {
  const turn = scan.asset === null ? await turned(ctx, scan, state, scanner) : undefined;
  const { outcome, message } = turn ?? (await done(ctx, scan, repeated, state, scanner));
  const next = turn?.state ?? state;
  const answer = { scan, repeated, outcome, message, mode: next.mode, mode_until: endOf(next, scanner), state: next };
  if (!repeated && (turn || !isPlain(state, scanner))) await note(ctx, answer, state.mode, scanner);
  return answer;
}

/** Recording with nothing begun: the scan itself says everything. */
const isPlain = (state: ModeState, rest: Resting): boolean => state.mode === 'record' && endOf(state, rest) === null;

function note(ctx: TenantContext, answer: Answer, mode: ModeState['mode'], { device, mode: rest_mode }: Scanner) {
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
  scanner: Scanner,
): Promise<Turn | undefined> {
  const meaning = await placeOrCommand(ctx, scan.raw_value);
  if (meaning?.kind === 'command') return commanded(state, scanner, meaning.command);
  // Misread, it may be another's badge, or another place.
  if (scan.status === 'rejected') return undefined;
  if (state.mode === 'check_out') {
    const member = await accounts.memberByBadge(ctx, barcodes.candidates(scan.raw_value).text);
    if (member) return badged(state, member);
  }
  // A stock-take without a location takes the first that is scanned.
  const isPlace = meaning?.kind === 'location' && state.mode !== 'stock_take';
  return isPlace ? placed(state, meaning.location) : undefined;
}

/** What was done with a scan that came before is told from the journal. */
async function done(
  ctx: TenantContext,
  scan: scans.ScanRow,
  repeated: boolean,
  state: ModeState,
  site: Scanner,
): Promise<Deed> {
  const known = repeated ? await actionOf(ctx, scan.id) : undefined;
  if (known) return known;
  // Without an entry it was recorded and no more.
  if (repeated || state.mode === 'record') return act(ctx, scan, { ...state, mode: 'record' }, site);
  return act(ctx, scan, state, site);
}

const actionOf = (ctx: TenantContext, scan: number): Promise<ActionRow | undefined> =>
  store.findBy(ctx, deviceActions, 'scan_event_id', scan);
