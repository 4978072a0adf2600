import { Invalid } from '../../base/errors.ts';
import type { GlobalFlags, Run } from '../command.ts';
import { table } from '../output.ts';
import { withSite } from '../site.ts';

const resolutions = [203, 300, 600];

export const run: Run<{ tenant: string; code: string } & GlobalFlags> = ({ args, flags, out }) =>
  withSite(flags, async (site) => {
    const templates = await import('../../domain/templates/service.ts');
    const batches = await import('../../domain/batches/service.ts');
    const template = await templates.named(await site.inTenant(flags.tenant), args[0]!);
    const found = [];
    for (const dpi of resolutions) found.push({ dpi, ...(await fits(dpi)) });
    const cells = found.map(({ dpi, fits: does, why }) => [dpi, does, why]);
    out.result({ template: template.name, code: flags.code, dpi: template.dpi, resolutions: found }, () =>
      table(['DPI', 'FITS', 'WHY NOT'], cells),
    );
    return found.some(({ dpi, fits: does }) => dpi === template.dpi && !does) ? 1 : undefined;

    async function fits(dpi: number): Promise<{ fits: boolean; why: string }> {
      try {
        await batches.checkCode({ ...template, dpi }, flags.code);
        return { fits: true, why: '' };
      } catch (error) {
        if (!(error instanceof Invalid)) throw error;
        return { fits: false, why: error.message };
      }
    }
  });
