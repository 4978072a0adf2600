/** What it means that scans could not be recorded: never, or again after a while. */
import { AppError, TooMany } from '../base/errors.ts';

/** Waits between attempts, in ms, the last for ever. */
const waits = [200, 500, 1_000, 2_000, 5_000];
/** The longest that a server may ask to be left alone, in ms. */
const longest = 60_000;

/** How long to wait after so many failures before this one, in ms. */
export function pauseAfter(failures: number, error: unknown): number {
  const asked = error instanceof TooMany ? (error.retryAfter ?? 0) * 1_000 : 0;
  return Math.max(waits[Math.min(failures, waits.length - 1)]!, Math.min(asked, longest));
}

const finals = [400, 409, 413, 415, 422];

/** A fault of the scan itself, which no later attempt cures. */
export const isFinal = (error: unknown): error is AppError =>
  error instanceof AppError && finals.includes(error.status);
