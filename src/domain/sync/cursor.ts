/** Where a client stands: after a number of the change log, or amid a snapshot that began at that number. */
import { z } from 'zod';
import { Invalid } from '../../base/errors.ts';

export interface Cursor {
  /** Of the change log; another one after a restore. */
  epoch: string;
  seq: number;
  /** Amid a snapshot: the last asset that was sent. */
  after?: number | undefined;
}

const Cursor = z.strictObject({
  epoch: z.string().max(40),
  seq: z.int().min(0),
  after: z.int().min(0).optional(),
});

export const cursorText = (cursor: Cursor): string => Buffer.from(JSON.stringify(cursor)).toString('base64url');

/** Invalid unless it is one that `cursorText` wrote. A client that makes one up cheats nobody but itself. */
export function cursorOf(text: string): Cursor {
  const broken = new Invalid({ cursor: ['Not a cursor of this service. Leave it out to begin anew.'] });
  try {
    const cursor = Cursor.parse(JSON.parse(Buffer.from(text, 'base64url').toString()));
    if (cursorText(cursor) === text) return cursor;
  } catch {
    throw broken;
  }
  throw broken;
}
