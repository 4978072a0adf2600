/** Bytes to and from a printer. */
export interface Line {
  /** Resolves once the system took them all; rejects with DeviceError when the line is lost or closed first. */
  write(bytes: Buffer): Promise<void>;
  /** Called with whatever comes back. */
  hear: (bytes: Buffer) => void;
  /** Whether it breaks when the printer loses its power. */
  readonly breaks: boolean;
  /** Why the line is gone; undefined while it is there. */
  readonly fault: Error | undefined;
  /** `drop`: what the printer has not taken yet is not worth waiting for. */
  close(drop?: boolean): void;
}
