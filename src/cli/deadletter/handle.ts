/** Replay and purge, which differ in one word. */
import { NotFound } from '../../base/errors.ts';
import type { Handled } from '../../domain/webhooks/dead-letters.ts';
import type { Run } from '../command.ts';
import { withSite } from '../site.ts';
import { contextOf, requireSelection, type SelectionFlags, selectionOf } from './selection.ts';

export const handle =
  (verb: 'replay' | 'purge', done: string): Run<SelectionFlags> =>
  ({ args, flags, out }) =>
    withSite(flags, async (site) => {
      requireSelection(args, flags);
      const { deadLetters } = await import('../../domain/webhooks/service.ts');
      const ctx = await contextOf(site, flags);
      const selection = await selectionOf(ctx, args, flags);
      const { disabled, ...found } = await deadLetters.count(ctx, selection);
      const total = found.deliveries + found.jobs;
      if (args.length > 0 && total < new Set(args).size)
        throw new NotFound('Not all of these are dead letters. `assetra deadletter list` shows those there are.');
      if (flags.dryRun) {
        const left = verb === 'replay' ? disabled : 0;
        const meant = { ...found, deliveries: found.deliveries - left };
        out.result({ dry_run: true, ...meant, left }, () => `${counted(meant)} would be ${done}.${staying(left)}`);
        return undefined;
      }
      const { startProgress } = await import('../progress.ts');
      const bar = await startProgress(verb, found.deliveries);
      const handled = await deadLetters[verb](ctx, selection, (seen) => bar.update(seen)).finally(() => bar.stop());
      const left = total - handled.deliveries - handled.jobs;
      out.result({ ...handled, left }, () => `${counted(handled)} ${done}.${staying(left)}`);
      return undefined;
    });

const counted = ({ deliveries, jobs }: Handled): string =>
  `${deliveries} ${deliveries === 1 ? 'delivery' : 'deliveries'} and ${jobs} ${jobs === 1 ? 'job' : 'jobs'}`;

const staying = (left: number): string =>
  left === 0 ? '' : ` ${left} ${left === 1 ? 'stays: its endpoint is' : 'stay: their endpoints are'} disabled.`;
