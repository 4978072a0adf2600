/** What every printer driver offers, whatever its line. Nothing here waits without end, and nothing blocks a thread. */
import { DeviceError } from '../../base/errors.ts';

/** Why a printer does not print. */
export const reasons = [
  'paper_out',
  'ribbon_out',
  'head_open',
  'paused',
  'label_waiting',
  'jam',
  'cutter',
  'temperature',
  'printer_error',
  'no_answer',
  'not_taking',
  'no_room',
  'busy',
  'denied',
  'offline',
] as const;
export type Reason = (typeof reasons)[number];

export interface PrinterStatus {
  /** None: it prints. */
  reasons: Reason[];
  /** Labels that it was given and has not printed; undefined where it does not say. */
  held?: number | undefined;
}

export interface Identity {
  model: string;
  /** 203, 300 or 600; null where it does not say. */
  dpi: number | null;
}

/** How it is known that a label was printed: the printer says so; it is a file, and there; or never. */
export type Confirmation = 'by_status' | 'by_delivery' | 'never';

export interface PrinterLink {
  readonly language: 'zpl' | 'pdf';
  readonly confirmation: Confirmation;
  /** Undefined when it does not say. */
  identify(): Promise<Identity | undefined>;
  /** Rejects with DeviceError when the line is lost, or with what the printer was given. */
  status(): Promise<PrinterStatus>;
  /** Hands over what so many labels are. Resolves once the system took it; NotTaken when the printer surely has nothing of it. */
  send(bytes: Buffer, labels: number): Promise<void>;
  /** Whatever is under way rejects. */
  close(): void;
}

export interface Use {
  /** Whoever prints, and not one that only looks: it alone may cancel half a label that a broken line left. */
  prints?: boolean;
}

/** Rejects with DeviceError; `code` is DEVICE_ and a reason. */
export type OpenLink = (url: PrinterUrl, use: Use) => Promise<PrinterLink>;

export interface PrinterUrl {
  scheme: 'tcp' | 'usb' | 'serial' | 'ipp' | 'file' | 'dir';
  /** Of a network printer. */
  host: string;
  port: number;
  /** Of a device file, a folder, or a queue. */
  path: string;
  options: Readonly<Record<string, string>>;
  /** One text for one printer, however it was written. */
  text: string;
}

/** The printer has nothing of what was to be sent. */
export class NotTaken extends DeviceError {}

const sentences: Record<Reason, string> = {
  paper_out: 'The labels have run out. Load a roll; printing goes on by itself.',
  ribbon_out: 'The ribbon has run out. Load one; printing goes on by itself.',
  head_open: 'The print head is open. Close it; printing goes on by itself.',
  paused: 'The printer is paused. Press its pause button; printing goes on by itself.',
  label_waiting: 'A label waits to be taken off. Take it; printing goes on by itself.',
  jam: 'Labels are jammed. Clear them; printing goes on by itself.',
  cutter: 'The cutter is stuck. Clear it; printing goes on by itself.',
  temperature: 'The head is too hot or too cold. Printing goes on by itself when it is not.',
  printer_error: 'The printer reports a fault. See its display.',
  no_answer:
    'The printer is there and does not answer. Look for paper, ribbon and an open head; one that never answers is to be set up with ?status=none.',
  not_taking: 'The printer takes no more data. Look at its display; printing goes on by itself when it does.',
  no_room: 'The disk that labels are written to is full. Make room; printing goes on by itself.',
  busy: 'Another program has the printer. It is tried again until that one ends.',
  denied:
    'This user may not open the printer. Add it to the group lp or dialout, or mend the owner of the folder, and start the daemon again.',
  offline: 'The printer cannot be reached. Switch it on, or check cable and address; it is tried again until it can.',
};

/** What to do about it, for whoever stands before the printer. */
export const sentenceOf = (reason: Reason): string => sentences[reason];

const byErrno: Record<string, Reason> = {
  EBUSY: 'busy',
  EACCES: 'denied',
  EPERM: 'denied',
  EROFS: 'denied',
  ENOSPC: 'no_room',
  EDQUOT: 'no_room',
};

/** The system's error as ours. */
export function deviceError(error: unknown, text: string): DeviceError {
  if (error instanceof DeviceError) return error;
  const { code = '', message } = error as NodeJS.ErrnoException;
  const locked = /cannot lock port/i.test(message) ? 'busy' : /permission denied/i.test(message) ? 'denied' : undefined;
  return deviceFault(byErrno[code] ?? locked ?? 'offline', `${text}: ${message}`, error);
}

export const deviceFault = (reason: Reason, detail: string, cause?: unknown): DeviceError =>
  new DeviceError(`DEVICE_${reason.toUpperCase()}`, `${sentences[reason]} (${detail})`, { cause });

/** The reason within a DeviceError. */
export function reasonOf(error: unknown): Reason {
  const name = error instanceof DeviceError ? error.code.replace(/^DEVICE_/, '').toLowerCase() : '';
  return (reasons as readonly string[]).includes(name) ? (name as Reason) : 'offline';
}
