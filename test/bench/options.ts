/** What a benchmark is told on its command line. */
import { parseArgs } from 'node:util';
import type { Dialect } from '../../src/db/dialect.ts';

export interface Options {
  /** Length of one measured slice, s. */
  seconds: number;
  /** Slices of each side; the median counts. */
  rounds: number;
  /** Undefined: every database that answers. */
  dialects: Dialect[] | undefined;
  /** Names of works; undefined: all. */
  only: string[] | undefined;
  /** Rows that the tenant has before anything is measured. */
  assets: number;
  /** Folder for a CPU profile of the daemon. */
  profile: string | undefined;
  /** File for the results, one JSON object a line. */
  json: string | undefined;
}

/** Throws for an unknown option or a number that is none. */
export function readOptions(args: string[]): Options {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args,
    options: { seconds: text, rounds: text, dialects: text, only: text, assets: text, profile: text, json: text },
  });
  return {
    seconds: positive('seconds', values.seconds ?? '1.5'),
    rounds: Math.round(positive('rounds', values.rounds ?? '3')),
    dialects: values.dialects?.split(',').map(dialect),
    only: values.only?.split(','),
    assets: Math.round(positive('assets', values.assets ?? '10000')),
    profile: values.profile,
    json: values.json,
  };
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (value > 0 && Number.isFinite(value)) return value;
  throw new Error(`--${name} must be a number above 0, not "${text}".`);
}

function dialect(text: string): Dialect {
  if (text === 'sqlite' || text === 'postgres' || text === 'mysql') return text;
  throw new Error(`--dialects takes sqlite, postgres and mysql, commas between, not "${text}".`);
}
