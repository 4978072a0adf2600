/** Driver errors in three dialects -> the few that callers can act on. */
import { AppError, Unavailable } from '../base/errors.ts';
import type { Dialect } from './dialect.ts';

/** A unique index refused the row. `columns` are those of the index, without tenant_id, where the driver tells. */
export class UniqueViolation extends AppError {
  readonly index: string;
  constructor(index: string, cause: unknown) {
    super('unique', 409, 'A record with these values already exists.', { cause });
    this.index = index;
  }
}

/** Another row still points here, or the row pointed at is gone. */
export class ReferenceViolation extends AppError {
  constructor(cause: unknown) {
    super('in_use', 409, 'This record is still in use by other records.', { cause });
  }
}

/** Two transactions met; trying the whole again is the remedy. */
export class Collision extends AppError {
  constructor(cause: unknown) {
    super('collision', 503, 'The database is busy. Try again.', { cause, retryAfter: 1 });
  }
}

interface DriverError {
  code?: string;
  errno?: number;
  message?: string;
  constraint?: string;
}

export const retryable = (error: unknown): boolean => error instanceof Collision;

/** What a driver threw, as one of ours where its meaning is known; else as it came. */
export function translate(error: unknown, dialect: Dialect): unknown {
  if (error instanceof AppError) return error;
  const fault = (error ?? {}) as DriverError;
  if (
    /Timeout acquiring a connection|pool is probably full|Unable to acquire a connection|^aborted$/i.test(
      fault.message ?? '',
    )
  )
    return new Unavailable('The database is busy. Try again in a few seconds.', { cause: error });
  return readers[dialect](fault) ?? network(fault) ?? error;
}

const readers: Record<Dialect, (fault: DriverError) => AppError | undefined> = {
  sqlite(fault) {
    const message = fault.message ?? '';
    const unique = /UNIQUE constraint failed: (.*)$/.exec(message);
    if (unique) return new UniqueViolation(unique[1]!, fault);
    if (message.includes('FOREIGN KEY constraint failed')) return new ReferenceViolation(fault);
    if (message.includes('no such table')) return missing(fault);
    const sentence = sqliteFaults[fault.code ?? ''];
    return sentence ? new Unavailable(sentence, { cause: fault }) : undefined;
  },
  postgres(fault) {
    const code = fault.code ?? '';
    if (code === '23505') return new UniqueViolation(fault.constraint ?? '', fault);
    if (code === '23503' || code === '23001') return new ReferenceViolation(fault);
    if (code === '40001' || code === '40P01' || code === '55P03') return new Collision(fault);
    if (code === '25006') return new Unavailable('The database is read-only.', { cause: fault });
    if (code === '42501') return denied(fault);
    if (code === '42P01') return missing(fault);
    if (code === '55000' && /not (currently )?accepting connections/i.test(fault.message ?? '')) return away(fault);
    if (code === '53100') return new Unavailable('The disk of the database is full.', { cause: fault });
    if (/^(08|53|57P)/.test(code)) return away(fault);
    if (/^(28|3D000)/.test(code))
      return new Unavailable(`The database refused the log-in: ${fault.message}`, { cause: fault });
    if (/Connection terminated|not queryable|Client has encountered|timeout expired/i.test(fault.message ?? ''))
      return away(fault);
    return undefined;
  },
  mysql(fault) {
    const errno = fault.errno ?? 0;
    if (errno === 1062)
      return new UniqueViolation(/for key '(?:.*\.)?([^']+)'/.exec(fault.message ?? '')?.[1] ?? '', fault);
    if (errno === 1451 || errno === 1452) return new ReferenceViolation(fault);
    if (errno === 1213 || errno === 1205) return new Collision(fault);
    if (errno === 1290 || errno === 1836) return new Unavailable('The database is read-only.', { cause: fault });
    if (errno === 1142 || errno === 1143 || errno === 1227) return denied(fault);
    if (errno === 1146) return missing(fault);
    if (errno === 1021 || errno === 1114 || (errno === 1030 && /\b28\b|No space left/i.test(fault.message ?? '')))
      return new Unavailable('The disk of the database is full.', { cause: fault });
    if (errno === 1045 || errno === 1044 || errno === 1049)
      return new Unavailable(`The database refused the log-in: ${fault.message}`, { cause: fault });
    if (errno === 1040 || errno === 1053 || errno === 1203 || errno === 1927 || errno === 3024) return away(fault);
    if (/closed state|PROTOCOL_/i.test(`${fault.code} ${fault.message}`)) return away(fault);
    return undefined;
  },
};

const sqliteFaults: Record<string, string> = {
  SQLITE_BUSY: 'The database is locked by another program. Try again in a few seconds.',
  SQLITE_LOCKED: 'The database is locked by another program. Try again in a few seconds.',
  SQLITE_READONLY: 'The database file is read-only. Make it and its folder writable for the user that runs assetra.',
  SQLITE_FULL: 'The disk is full. Free some space; nothing was written.',
  SQLITE_IOERR: 'The disk refused to read or write the database. Check the disk and its free space.',
  SQLITE_CANTOPEN:
    'The database file cannot be opened. Check that it exists and that its folder is readable and writable.',
  SQLITE_CORRUPT: 'The database file is damaged. Restore the latest backup.',
  SQLITE_NOTADB: 'The file is not an SQLite database. Check DATABASE_URL.',
  SQLITE_PERM: 'The database file may not be read by this user.',
};

function network(fault: DriverError): AppError | undefined {
  const gone = [
    'ECONNREFUSED',
    'ECONNRESET',
    'EPIPE',
    'ETIMEDOUT',
    'ENOTFOUND',
    'EAI_AGAIN',
    'EHOSTUNREACH',
    'EHOSTDOWN',
    'ENETUNREACH',
    'ENETDOWN',
    'ECONNABORTED',
    'ENOENT',
    'EACCES',
  ];
  return gone.includes(fault.code ?? '') ? away(fault) : undefined;
}

/** Concerns one statement and not, as Unavailable does, the whole database. */
const denied = (fault: DriverError) =>
  new AppError(
    'denied',
    503,
    `The database user may not do this: ${fault.message}. Give it SELECT, INSERT, UPDATE and DELETE on every table.`,
    { cause: fault, retryAfter: 5 },
  );

const missing = (fault: DriverError) =>
  new Unavailable(
    'A table of the database is missing. If the site is being restored, try again in a minute; else run `assetra migrate`.',
    { cause: fault },
  );

const away = (fault: unknown) =>
  new Unavailable('The database cannot be reached. Check that it runs and that DATABASE_URL is right.', {
    cause: fault,
  });
