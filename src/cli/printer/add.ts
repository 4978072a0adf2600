import { resolve } from 'node:path';
import type { GlobalFlags, Run } from '../command.ts';
import { millimetres } from '../millimetres.ts';
import { withSite } from '../site.ts';

interface Flags extends GlobalFlags {
  tenant: string;
  url: string;
  template?: string;
  default?: boolean;
  chunk?: number;
  offsetX?: string;
  offsetY?: string;
}

export const run: Run<Flags> = ({ args, flags, out }) =>
  withSite(flags, async (site) => {
    const ctx = await site.inTenant(flags.tenant);
    const printers = await import('../../domain/printers/service.ts');
    const templates = await import('../../domain/templates/service.ts');
    const made = await printers.served.create(ctx, {
      name: args[0],
      url: absolute(flags.url),
      template: flags.template === undefined ? null : await templates.idOfNamed(ctx, flags.template),
      is_default: flags.default ?? false,
      offset_x_mm: millimetres(flags.offsetX, '--offset-x') ?? 0,
      offset_y_mm: millimetres(flags.offsetY, '--offset-y') ?? 0,
      ...(flags.chunk !== undefined && { chunk_size: flags.chunk }),
    });
    const { printer, status } = await printers.introduce(ctx, made);
    const [fault] = status.reasons;
    const document = {
      printer_id: printer.id,
      name: printer.name,
      tenant_id: printer.tenant,
      url: printer.url,
      model: printer.model,
      dpi: printer.dpi,
      reasons: status.reasons,
    };
    const known = [printer.model, printer.dpi && `${printer.dpi} dpi`].filter(Boolean).join(', ');
    const is = known === '' ? '' : ` (${known})`;
    out.result(document, () => `Set up ${printer.name}${is}.${fault ? ` It does not print now: ${fault}.` : ''}`);
    return undefined;
  });

/** A path is the shell's; the daemon has another folder. */
const absolute = (url: string): string =>
  url.replace(/^(file|dir|serial|usb):(?!\/)(.+)$/, (_, scheme: string, path: string) => `${scheme}:${resolve(path)}`);
