import type { Run } from '../command.ts';
import { withSite } from '../site.ts';

export const run: Run = ({ flags, out }) =>
  withSite(flags, async ({ config, ctx }) => {
    const audit = await import('../../domain/audit/service.ts');
    const witness = audit.openWitness(config.dir);
    const before = audit.readCheckpoints(witness.path).length;
    const faulty = await audit.checkpoint(ctx, witness);
    const written = audit.readCheckpoints(witness.path).slice(before);
    out.result({ file: witness.path, checkpoints: written, faulty }, () => {
      const lines = written.map(({ slug, sequence }) => `${slug}: signed up to record ${sequence}`);
      const faults = faulty.map(({ slug, first_bad }) => `${slug}: not signed. ${first_bad!.message}`);
      const all = [...lines, ...faults];
      return all.length > 0 ? all.join('\n') : 'Nothing came since the last checkpoint.';
    });
    return faulty.length > 0 ? 1 : undefined;
  });
