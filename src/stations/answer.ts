/** What becomes of scans, as a station hears it from whoever records them. */
import type { DeviceSettings } from '../devices/settings.ts';
import type { Answer, ModeState } from '../domain/devices/service.ts';
import type { SpooledScan } from './spool.ts';

/**
 * Records scans in their order, all or none, beginning in that mode; the same client_event_id again changes nothing. Throws when
 * it cannot now, or cannot at all.
 */
export type RecordScans = (scans: readonly SpooledScan[], state: ModeState | null) => Promise<Recorded[]>;

export interface Recorded {
  status: string;
  /** The asset that the code named, if any. */
  asset: number | null;
  /** What became of it, and the sentence for whoever scans. */
  outcome?: string;
  message?: string;
  /** The scanner's mode after it, and when silence will end that. */
  mode?: string;
  mode_until?: string | null;
  /** What the next scan meets. */
  state?: ModeState | null;
}

export const recordedOf = ({
  scan: { status, asset },
  outcome,
  message,
  mode,
  mode_until,
  state,
}: Answer): Recorded => ({
  status,
  asset,
  outcome,
  message,
  mode,
  mode_until,
  state,
});

/** What the scanner is sent to beep by; empty for nothing. */
export function soundOf(
  { beep_known, beep_unknown, beep_refused }: DeviceSettings,
  outcome: string | undefined,
): string {
  if (outcome === 'refused' || outcome === 'rejected') return beep_refused;
  return outcome === 'unknown' ? beep_unknown : beep_known;
}
