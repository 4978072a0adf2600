/** `--set KEY=VALUE,…` as settings of a scanner. */
import { ConfigError } from '../../base/errors.ts';
import { unescaped } from '../../devices/escapes.ts';

const texts = ['prefix', 'suffix', 'gs_substitute', 'beep_known', 'beep_unknown', 'beep_refused'];

/** `baud_rate=9600` is a number, `prefix=9600` a text, in which \t stands for a Tab and \x07 for a bell. */
export function settingsOf(pairs: readonly string[] = []): Record<string, unknown> {
  const given = pairs.map((pair) => {
    const [, key, value] = /^(\w+)=(.*)$/s.exec(pair) ?? [];
    if (!key) throw new ConfigError(`--set takes KEY=VALUE, not "${pair}".`);
    if (texts.includes(key)) return [key, unescaped(value!)];
    return [key, /^\d+$/.test(value!) ? Number(value) : value];
  });
  return Object.fromEntries(given);
}

/** Without what was not said. */
export const given = (values: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
