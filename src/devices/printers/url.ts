/** The address of a printer, as a person writes it. */
import { isAbsolute, normalize } from 'node:path';
import { Invalid } from '../../base/errors.ts';
import type { PrinterUrl } from './printer.ts';

const forms =
  'Write tcp://HOST:9100, /dev/usb/lp0, serial:/dev/ttyUSB0?baud=9600, ipp://HOST/printers/QUEUE, file:/PATH or dir:/FOLDER.';

const known: Record<PrinterUrl['scheme'], readonly string[]> = {
  tcp: ['status'],
  usb: ['status'],
  serial: ['status', 'baud', 'flow'],
  ipp: ['format'],
  file: [],
  dir: [],
};
const values: Record<string, RegExp> = {
  status: /^none$/,
  baud: /^\d{3,6}$/,
  flow: /^(none|rtscts|xonxoff)$/,
  format: /^(pdf|zpl)$/,
};

/** Invalid on `url` says how one is written. */
export function parseUrl(text: string): PrinterUrl {
  const [main = '', query = ''] = text.trim().split('?', 2);
  const options = Object.fromEntries(new URLSearchParams(query));
  const place = main.startsWith('/') ? local('usb', main) : placeOf(main);
  if (!place) throw new Invalid({ url: [`This is no address of a printer. ${forms}`] });
  for (const [name, value] of Object.entries(options)) {
    if (!known[place.scheme].includes(name)) throw new Invalid({ url: [`?${name} means nothing here. ${forms}`] });
    if (!values[name]!.test(value)) throw new Invalid({ url: [`?${name}=${value} is not known.`] });
  }
  const tail = query === '' ? '' : `?${new URLSearchParams(Object.entries(options).sort())}`;
  return { ...place, options, text: place.text + tail };
}

type Place = Omit<PrinterUrl, 'options'>;

function local(scheme: PrinterUrl['scheme'], written: string): Place {
  const path = normalize(written);
  return { scheme, host: '', port: 0, path, text: scheme === 'usb' ? path : `${scheme}:${path}` };
}

function placeOf(text: string): Place | undefined {
  const [, scheme, path] = /^(serial|file|dir|usb):(?:\/\/(?=\/))?(.+)$/.exec(text) ?? [];
  if (scheme && path) return isAbsolute(path) ? local(scheme as 'file', path) : undefined;
  const parsed = URL.canParse(text) ? new URL(text) : undefined;
  if (!parsed?.hostname || parsed.username || parsed.password) return undefined;
  const host = parsed.hostname.toLowerCase();
  if (parsed.protocol === 'tcp:') return network('tcp', host, Number(parsed.port || 9100), '');
  if (parsed.protocol === 'ipp:') return network('ipp', host, Number(parsed.port || 631), parsed.pathname || '/');
  return undefined;
}

const network = (scheme: 'tcp' | 'ipp', host: string, port: number, path: string): Place => ({
  scheme,
  host: host.replace(/^\[|\]$/g, ''),
  port,
  path,
  text: `${scheme}://${host}:${port}${path}`,
});
