import { PassThrough } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { createLog, type Log, silentLog } from '../../src/base/log.ts';

type Level = 'debug' | 'info' | 'warn' | 'error';

/** What `write` makes a log write, as text. */
function written(
  write: (log: Log) => void,
  level: Level = 'info',
  format: 'auto' | 'json' | 'pretty' = 'json',
): string {
  const destination = new PassThrough();
  write(createLog({ level, format }, { name: 'assetra.api', destination }));
  return String(destination.read() ?? '');
}

const line = (write: (log: Log) => void) => JSON.parse(written(write));

describe('a log line', () => {
  it('has exactly the fields that dashboards read', () => {
    const entry = line((log) =>
      log.info({ request_id: 'r1', tenant_id: 7, user_id: 3, status_code: 200, duration_ms: 1.5 }, 'GET /alive/'),
    );
    expect(entry).toEqual({
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      level: 'INFO',
      logger: 'assetra.api',
      message: 'GET /alive/',
      request_id: 'r1',
      tenant_id: '7',
      user_id: 3,
      status_code: 200,
      duration_ms: 1.5,
    });
  });

  it.each([
    ['debug', 'DEBUG'],
    ['info', 'INFO'],
    ['warn', 'WARNING'],
    ['error', 'ERROR'],
  ] as const)('names the level %s as %s', (level, name) => {
    expect(JSON.parse(written((log) => log[level]('x'), 'debug')).level).toBe(name);
  });

  it('carries the name of the part that speaks, once', () => {
    const text = written((log) => log.child({ logger: 'assetra.jobs' }).child({ logger: 'assetra.webhook' }).info('x'));
    expect(text.match(/"logger":/g)).toHaveLength(1);
    expect(JSON.parse(text).logger).toBe('assetra.webhook');
  });

  it('has the tenant as text when a child logger carries it', () => {
    expect(line((log) => log.child({ tenant_id: 7 }).info('x')).tenant_id).toBe('7');
  });

  it('holds the stack and cause of an error, and nothing else of it', () => {
    const cause = Object.assign(new Error('away'), { code: 'ECONNREFUSED', parameters: ['hunter2'] });
    const { err } = line((log) => log.error({ err: new Error('no answer', { cause }) }, 'failed'));
    expect(err).toMatchObject({ type: 'Error', message: 'no answer', stack: expect.stringContaining('log.test.ts') });
    expect(err.cause).toEqual({
      type: 'Error',
      message: 'away',
      code: 'ECONNREFUSED',
      stack: expect.stringContaining('away'),
    });
  });

  it('is not written below the level', () => {
    expect(written((log) => log.info('x'), 'warn')).toBe('');
  });
});

describe('a secret', () => {
  const secrets = ['authorization', 'cookie', 'password', 'token', 'secret', 'access', 'refresh'];

  it.each(secrets)('%s is not written, wherever it stands in a line', (key) => {
    const text = written((log) => {
      log.info({ [key]: 'hunter2' }, 'top');
      log.info({ body: { [key]: 'hunter2' } }, 'nested');
      log.info({ request: { headers: { [key]: 'hunter2' }, list: [{ [key]: 'hunter2' }] } }, 'deep');
      log.child({ [key]: 'hunter2' }).info('bound');
    });
    expect(text).not.toContain('hunter2');
    expect(text.match(/\[redacted\]/g)).toHaveLength(5);
  });

  it('is recognised however a header is spelt', () => {
    expect(line((log) => log.info({ headers: { Authorization: 'Bearer x' } }, 'x')).headers).toEqual({
      Authorization: '[redacted]',
    });
  });
});

describe('the form', () => {
  it('is readable text when asked for', () => {
    const text = written((log) => log.warn({ tenant_id: 7 }, 'printer is out of paper'), 'info', 'pretty');
    expect(text).toMatch(/WARNING: assetra\.api: printer is out of paper/);
    expect(() => JSON.parse(text)).toThrow();
  });

  it('is JSON by itself where there is no terminal', () => {
    const text = written((log) => log.info('x'), 'info', 'auto');
    expect(JSON.parse(text).message).toBe('x');
  });

  it('is readable by itself on a terminal', () => {
    const destination = Object.assign(new PassThrough(), { isTTY: true });
    createLog({ level: 'info', format: 'auto' }, { destination }).info('ready');
    expect(stripVTControlCharacters(String(destination.read()))).toMatch(/INFO: assetra: ready/);
  });
});

it('the silent log is silent at every level', () => {
  expect(silentLog.isLevelEnabled('fatal')).toBe(false);
});
