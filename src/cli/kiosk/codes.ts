import { resolve } from 'node:path';
import { ConfigError } from '../../base/errors.ts';
import { type CardKind, type CardSymbology, cardKinds } from '../../domain/kiosk/cards.ts';
import type { GlobalFlags, Run } from '../command.ts';
import { withSite } from '../site.ts';
import { checkPlace, writeStream } from '../target.ts';

interface Flags extends GlobalFlags {
  tenant: string;
  only?: string[];
  places?: string[];
  symbology: CardSymbology;
  out: string;
}

const isKind = (word: string): word is CardKind => (cardKinds as readonly string[]).includes(word);

export const run: Run<Flags> = ({ flags, out }) => {
  const { only = ['commands', 'locations'], places = [], symbology } = flags;
  const wrong = only.find((word) => !isKind(word));
  if (wrong !== undefined) throw new ConfigError(`--only takes ${cardKinds.join(', ')}, not "${wrong}".`);
  if (flags.out !== '-') checkPlace(resolve(flags.out));
  return withSite(flags, async (site) => {
    const ctx = await site.inTenant(flags.tenant);
    const { cards } = await import('../../domain/kiosk/codes.ts');
    const { count, stream } = await cards(ctx, { kinds: only.filter(isKind), places, symbology });
    const file = await writeStream(stream, flags.out);
    if (file !== '-') out.result({ file, count }, () => `Wrote ${count} cards to ${file}. Print it at 100 %.`);
    return undefined;
  });
};
