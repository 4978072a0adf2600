import type { GlobalFlags, Run } from '../command.ts';
import { table } from '../output.ts';
import { withSite } from '../site.ts';

export const run: Run<{ tenant: string } & GlobalFlags> = ({ flags, out }) =>
  withSite(flags, async (site) => {
    const templates = await import('../../domain/templates/service.ts');
    const { listLayouts } = await import('../../render/labels.ts');
    const ctx = await site.inTenant(flags.tenant);
    const { rows } = await templates.served.list(ctx, { page_size: '500' });
    const shipped = listLayouts().map(({ name, width_mm, height_mm }) => ({ name, width_mm, height_mm }));
    out.result({ templates: rows, shipped }, () =>
      table(
        ['ID', 'NAME', 'SYMBOL', 'MM', 'DPI', 'DEFAULT'],
        [
          ...rows.map((row) => [
            row.id,
            row.name,
            row.symbology,
            `${row.width_mm} × ${row.height_mm}`,
            row.dpi,
            row.is_default,
          ]),
          ...shipped.map(({ name, width_mm, height_mm }) => [
            '',
            name,
            'qr',
            `${width_mm} × ${height_mm}`,
            203,
            'shipped',
          ]),
        ],
      ),
    );
    return undefined;
  });
