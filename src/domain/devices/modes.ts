/**
 * A scanner's mode: a state that scans lead from one to the next. Nothing here changes the database, so scans that come again
 * after a crash lead to the same state; what they do to an asset is done once (acts.ts).
 */
import { z } from 'zod';
import { type Mode, modes } from '../../devices/kinds.ts';
import { instant, reference } from '../../resource/fields.ts';
import type { Command } from '../resolve/service.ts';
import type { Outcome } from './resource.ts';

/** The most scans of a scanner that are recorded together. */
export const mostScans = 100;

/** What a scanner is in the middle of. Whoever feeds the scanner keeps it, and sends it with the next scan. */
export const ModeState = z.object({
  mode: z.enum(modes),
  /** Whose badge was scanned: the user that assets are checked out to. */
  member: reference().nullable().default(null),
  member_name: z.string().max(200).default(''),
  /** The place that was scanned for assets to be moved to, in place of the device's own. */
  place: reference().nullable().default(null),
  place_name: z.string().max(200).default(''),
  /** When the last scan was made: silence after it ends the mode. */
  at: instant(),
});
export type ModeState = z.output<typeof ModeState>;

export interface Resting {
  /** The mode that the scanner falls back to. */
  mode: Mode;
  mode_timeout_s: number;
}

export const resting = ({ mode }: Resting, at: string): ModeState => ({
  mode,
  member: null,
  member_name: '',
  place: null,
  place_name: '',
  at,
});

/**
 * The state that a scan made at `at` meets; by the times of the scans, so that waiting on disk ends no mode. One that was made long
 * before what was begun, as when a refused one is sent again, has no part in it.
 */
export function stateAt(state: ModeState | null, rest: Resting, at: string): ModeState {
  const isApart = state === null || Math.abs(Date.parse(at) - Date.parse(state.at)) > rest.mode_timeout_s * 1_000;
  return isApart ? resting(rest, at) : { ...state, at };
}

/** When silence will end the mode; null in the one that it would fall back to with nothing begun. */
export function endOf(state: ModeState, rest: Resting): string | null {
  const isResting = state.mode === rest.mode && state.member === null && state.place === null;
  return isResting ? null : new Date(Date.parse(state.at) + rest.mode_timeout_s * 1_000).toISOString();
}

/** What a scan led to. */
export interface Turn {
  state: ModeState;
  outcome: Outcome;
  message: string;
}

const named: Record<Mode, string> = {
  record: 'Scans are recorded.',
  check_out: 'Check-out: scan a badge, then what is taken.',
  check_in: 'Check-in: scan what comes back.',
  move_here: 'Move here: scan what stands here now.',
  stock_take: 'Stock-take: scan everything here.',
};

export function commanded(state: ModeState, rest: Resting, command: Command): Turn {
  const turn = (next: ModeState, message = named[next.mode]): Turn => ({ state: next, outcome: 'command', message });
  const afresh = resting(rest, state.at);
  if (command === 'done') return turn(afresh);
  if (command !== 'cancel') return turn({ ...afresh, mode: command });
  // The first cancel takes back the badge or the place, the second the mode.
  const isMidway = state.member !== null || state.place !== null;
  return turn(isMidway ? { ...afresh, mode: state.mode } : afresh);
}

export const badged = (state: ModeState, member: { user: number; name: string }): Turn => ({
  state: { ...state, member: member.user, member_name: member.name },
  outcome: 'badge',
  message: `${member.name}: scan what is taken.`,
});

/** A place says where "here" is for whoever walks about with the scanner; to the other modes it is a code like any other. */
export const placed = (state: ModeState, place: { id: number; name: string }): Turn =>
  state.mode === 'move_here'
    ? {
        state: { ...state, place: place.id, place_name: place.name },
        outcome: 'place',
        message: `${place.name}: scan what stands here now.`,
      }
    : { state, outcome: 'place', message: `This is the place ${place.name}.` };
