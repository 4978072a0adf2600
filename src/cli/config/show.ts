import { explainConfig } from '../../base/config.ts';
import type { Run } from '../command.ts';
import { table } from '../output.ts';

export const run: Run = async ({ flags, out }) => {
  const settings = explainConfig(flags);
  out.result(settings, () =>
    table(
      ['SETTING', 'VALUE', 'FROM'],
      settings.map(({ name, value, source }) => [name, value === '' ? null : value, source]),
    ),
  );
};
