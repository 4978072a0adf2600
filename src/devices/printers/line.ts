/** Bytes to and from a printer. */
export interface Line {
  /** Resolves once the system took them all; rejects with DeviceError when the line is lost or closed first. */
  write(bytes: Buffer): Promise<void>;
  /** Called with whatever comes back. */
  hear: (bytes: Buffer) => void;
  /** Why the line is gone; undefined while it is there. */
  readonly fault: Error | undefined;
  close(): void;
}
