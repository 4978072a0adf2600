import { loadConfig } from '../base/config.ts';
import type { Run } from './command.ts';
import { openDatabase } from './site.ts';

export const run: Run = async ({ args, flags, out }) => {
  const config = loadConfig(flags);
  const direction = args[0] ?? 'up';
  const database = await openDatabase(config);
  try {
    const migrate = await import('../db/migrate.ts');
    if (direction === 'status') {
      const { done, pending } = await migrate.status(database);
      const lines = [...done.map((name) => `done     ${name}`), ...pending.map((name) => `pending  ${name}`)];
      out.result({ done, pending }, () => lines.join('\n'));
      return undefined;
    }
    const names = direction === 'up' ? await migrate.up(database) : await migrate.down(database);
    const verb = direction === 'up' ? 'Applied' : 'Took back';
    out.result({ [direction]: names }, () => (names.length > 0 ? `${verb} ${names.join(', ')}.` : 'Nothing to do.'));
  } finally {
    await database.close();
  }
  return undefined;
};
