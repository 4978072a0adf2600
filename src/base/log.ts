/** The log: one JSON object a line, with the names that dashboards read (timestamp, level, logger, message, …). */
import { createRequire } from 'node:module';
import { isatty } from 'node:tty';
import pino from 'pino';
import type { Prettifier, PrettyOptions } from 'pino-pretty';
import type { Config } from './config.ts';

export type Log = pino.Logger;

export interface LogOptions {
  /** What speaks, e.g. `assetra.webhook`; a part names itself with `log.child({ logger: 'assetra.webhook' })`. */
  name?: string;
  /** Standard output when left out. */
  destination?: NodeJS.WritableStream & { isTTY?: boolean };
}

const levelNames: Record<string, string> = { warn: 'WARNING', fatal: 'CRITICAL' };
const secretKeys = new Set(['authorization', 'cookie', 'password', 'token', 'secret', 'access', 'refresh']);
const censored = '[redacted]';

/**
 * Lines leave within milliseconds, off the request's way, and at once when the process exits or throws. Only kill -9 can
 * cost the last few; what they told is in the database.
 */
export function createLog(config: Config['log'], options: LogOptions = {}): Log {
  const { destination } = options;
  const onTerminal = destination ? Boolean(destination.isTTY) : isatty(1);
  const pretty = config.format === 'pretty' || (config.format === 'auto' && onTerminal);
  const plain = destination ?? standardOutput();
  return pino(pinoOptions(config, options.name), pretty ? prettyStream(onTerminal, destination) : plain);
}

function standardOutput(): pino.DestinationStream {
  const output = pino.destination({ fd: 1, sync: false });
  process.on('exit', () => output.flushSync());
  return output;
}

export const silentLog: Log = pino({ level: 'silent' });

function pinoOptions(config: Config['log'], name = 'assetra'): pino.LoggerOptions {
  return {
    level: config.level,
    base: { logger: name },
    messageKey: 'message',
    timestamp: () => `,"timestamp":"${new Date().toISOString()}"`,
    formatters: {
      level: (label) => ({ level: levelNames[label] ?? label.toUpperCase() }),
      log: withoutNestedSecrets,
    },
    // Serializers reach a child's bindings too; pino's own `redact` with wildcards costs ten times the line.
    serializers: { err: describeError, tenant_id: asText, ...censors },
    onChild: keepLastLogger,
  };
}

/** Dashboards of the earlier service filter on tenant_id as text. */
const asText = (id: unknown) => (typeof id === 'number' ? String(id) : id);

const censors = Object.fromEntries([...secretKeys].map((key) => [key, () => censored]));

function withoutNestedSecrets(fields: Record<string, unknown>): Record<string, unknown> {
  let copy: Record<string, unknown> | undefined;
  for (const key of Object.keys(fields)) {
    const value = fields[key];
    if (typeof value !== 'object' || value === null || value instanceof Error) continue;
    copy ??= { ...fields };
    copy[key] = scrub(value);
  }
  return copy ?? fields;
}

/** A copy without secrets; what lies deeper than `depth` is left out, as a log line is no dump. */
function scrub(value: unknown, depth = 4): unknown {
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  if (depth === 0) return '[…]';
  if (value instanceof Error) return describeError(value);
  if (Array.isArray(value)) return value.map((item) => scrub(item, depth - 1));
  const entries = Object.entries(value);
  return Object.fromEntries(
    entries.map(([key, item]) => [key, secretKeys.has(key.toLowerCase()) ? censored : scrub(item, depth - 1)]),
  );
}

/** pino writes a key again that a child binds again; two `logger` keys in one object confuse strict readers. */
function keepLastLogger(child: Log): void {
  const bound = child as unknown as Record<symbol, string>;
  const text = bound[pino.symbols.chindingsSym]!;
  if (text.indexOf(',"logger":') === text.lastIndexOf(',"logger":')) return;
  bound[pino.symbols.chindingsSym] = text.replace(/,"logger":"(?:[^"\\]|\\.)*"(?=.*,"logger":)/gs, '');
}

/** Only these: the own properties of a driver's error may hold the values of the statement. */
function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { code } = error as NodeJS.ErrnoException;
  return {
    type: error.name,
    message: error.message,
    ...(code !== undefined && { code }),
    stack: error.stack,
    ...(error.cause !== undefined && { cause: describeError(error.cause) }),
  };
}

/** In this process, not in a worker thread: nothing is lost at exit. */
function prettyStream(colorize: boolean, destination: LogOptions['destination']): NodeJS.WritableStream {
  const pretty = createRequire(import.meta.url)('pino-pretty') as (options: PrettyOptions) => NodeJS.WritableStream;
  return pretty({
    colorize,
    messageKey: 'message',
    timestampKey: 'timestamp',
    translateTime: 'SYS:HH:MM:ss.l',
    customPrettifiers: { level: colorLevel },
    ignore: 'logger',
    messageFormat: '{logger}: {message}',
    errorLikeObjectKeys: ['err'],
    ...(destination ? { destination } : { sync: true }),
  });
}

/** pino-pretty itself colours pino's own level names alone. */
const colorLevel: Prettifier = (level, _key, _log, { colors }) => {
  const { gray, green, yellow, red, bgRed } = colors;
  const byLevel: Record<string, typeof red> = { DEBUG: gray, INFO: green, WARNING: yellow, ERROR: red };
  return (byLevel[String(level)] ?? bgRed)(String(level));
};
