/**
 * The one family of errors. Thrown where a fault is known; turned into an answer in three places only
 * (http/errors, cli/run and the job runner). A message is written for its reader: it says what to do.
 */

/** Field messages of a 400, nested as the body is: `{"steps": {"0": {"action": ["…"]}}}`. */
export interface FieldErrors {
  [field: string]: string[] | FieldErrors;
}

export interface AppErrorOptions {
  fields?: FieldErrors;
  cause?: unknown;
  /** Seconds a client should wait, sent as Retry-After. */
  retryAfter?: number;
}

export class AppError extends Error {
  readonly code: string;
  readonly status: number;
  readonly fields: FieldErrors | undefined;
  readonly retryAfter: number | undefined;

  constructor(code: string, status: number, message: string, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.status = status;
    this.fields = options.fields;
    this.retryAfter = options.retryAfter;
  }
}

/** A refusal of what was asked, not a failure of ours: told for the item, and the next one goes on. */
export const isRefusal = (error: unknown): error is AppError => error instanceof AppError && error.status < 500;

/** The request cannot be read at all: broken JSON, a body of the wrong kind. */
export class Malformed extends AppError {
  constructor(message: string, status: 400 | 413 | 415 = 400, options?: AppErrorOptions) {
    super('malformed', status, message, options);
  }
}

/** The request was read and one or more fields are wrong; `fields` names each. */
export class Invalid extends AppError {
  constructor(fields: FieldErrors | string, options?: AppErrorOptions) {
    const byField = typeof fields === 'string' ? { non_field_errors: [fields] } : fields;
    super('invalid', 400, describeFields(byField), { ...options, fields: byField });
  }
}

export class Unauthenticated extends AppError {
  constructor(message = 'Authentication credentials were not provided.') {
    super('unauthenticated', 401, message);
  }
}

export class Forbidden extends AppError {
  constructor(message = 'You do not have permission to perform this action.') {
    super('forbidden', 403, message);
  }
}

export class NotFound extends AppError {
  constructor(message = 'Not found.') {
    super('not_found', 404, message);
  }
}

export class Conflict extends AppError {
  constructor(message: string, options?: AppErrorOptions) {
    super('conflict', 409, message, options);
  }
}

/** If-Match named another version of the row than the one stored. */
export class PreconditionFailed extends AppError {
  constructor(message = 'The record was changed by someone else. Fetch it again and repeat your change.') {
    super('precondition_failed', 412, message);
  }
}

export class TooMany extends AppError {
  constructor(message: string, retryAfter: number) {
    super('too_many', 429, message, { retryAfter });
  }
}

/** The database cannot serve right now: away, locked, read-only, disk full. Safe to try again. */
export class Unavailable extends AppError {
  constructor(message: string, options?: AppErrorOptions) {
    super('unavailable', 503, message, { retryAfter: 5, ...options });
  }
}

/** A scanner or printer cannot be used. `code` says why (DEVICE_BUSY, DEVICE_MISSING, DEVICE_DENIED …). */
export class DeviceError extends AppError {
  constructor(code: string, message: string, options?: AppErrorOptions) {
    super(code, 503, message, options);
  }
}

/** Wrong settings or wrong command-line use: exit code 2. */
export class ConfigError extends AppError {
  constructor(message: string, options?: AppErrorOptions) {
    super('config', 500, message, options);
  }
}

function describeFields(fields: FieldErrors, prefix = ''): string {
  return Object.entries(fields)
    .map(([field, value]) => {
      const path = prefix ? `${prefix}.${field}` : field;
      if (!Array.isArray(value)) return describeFields(value, path);
      return path === 'non_field_errors' ? value.join(' ') : `${path}: ${value.join(' ')}`;
    })
    .join('; ');
}
