/** Every kind of printer there is, in one list. */
import { openFile } from './file-line.ts';
import { openFolder, openOneFile } from './folder.ts';
import { IppLink } from './ipp-link.ts';
import type { Line } from './line.ts';
import type { OpenLink, PrinterLink, PrinterUrl, Use } from './printer.ts';
import { openSerial } from './serial-line.ts';
import { openTcp } from './tcp-line.ts';
import { ZplLink } from './zpl-link.ts';

const zplOver =
  (open: (url: PrinterUrl) => Promise<Line>): OpenLink =>
  async (url, { prints }) =>
    new ZplLink(await open(url), { mute: url.options.status === 'none', prints });

const drivers: Record<PrinterUrl['scheme'], OpenLink> = {
  tcp: zplOver(openTcp),
  usb: zplOver(openFile),
  serial: zplOver(openSerial),
  ipp: async (url) => new IppLink(url),
  file: openOneFile,
  dir: openFolder,
};

/** Opens the way to a printer. DeviceError says why it cannot be. */
export const openPrinter = (url: PrinterUrl, use: Use = {}): Promise<PrinterLink> => drivers[url.scheme](url, use);
