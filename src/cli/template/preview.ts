import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { childEnvironment } from '../../base/config.ts';
import type { GlobalFlags, Run } from '../command.ts';
import { withSite } from '../site.ts';
import { unwritable } from '../unwritable.ts';
import { onTerminal } from './terminal.ts';

interface Flags extends GlobalFlags {
  tenant: string;
  code: string;
  tag?: string;
  out?: string;
}

export const run: Run<Flags> = ({ args, flags, out }) =>
  withSite(flags, async (site) => {
    const ctx = await site.inTenant(flags.tenant);
    const batches = await import('../../domain/batches/service.ts');
    const picture = await batches.preview(ctx, args[0]!, { code: flags.code, tag: flags.tag });
    const { TERM = '', TERM_PROGRAM = '' } = childEnvironment({});
    if (flags.out === '-') {
      process.stdout.write(picture);
      return undefined;
    }
    const shown = flags.out === undefined && !flags.json ? onTerminal(picture, `${TERM} ${TERM_PROGRAM}`) : undefined;
    if (shown !== undefined) {
      out.result({}, () => shown);
      return undefined;
    }
    const file = resolve(flags.out ?? `${args[0]!.replace(/[^\w.-]+/g, '-')}.png`);
    try {
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, picture);
    } catch (error) {
      throw unwritable(error, file, '--out');
    }
    out.result({ file, bytes: picture.length }, () => `Wrote ${file}.`);
    return undefined;
  });
