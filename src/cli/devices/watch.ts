import { ConfigError } from '../../base/errors.ts';
import type { DeviceKind } from '../../devices/kinds.ts';
import { pathFault } from '../../devices/paths.ts';
import type { GlobalFlags, Run } from '../command.ts';
import { signalled } from '../signal.ts';
import { deviceNamed, open, visible } from './scans.ts';

export const run: Run<{ tenant?: string; path?: string; kind: DeviceKind } & GlobalFlags> = async ({
  args,
  flags,
  out,
}) => {
  const [name] = args;
  if ((name === undefined) === (flags.path === undefined))
    throw new ConfigError('Give the name of a device, or --path.');
  const fault = flags.path === undefined ? undefined : pathFault(flags.kind, flags.path);
  if (fault) throw new ConfigError(`${flags.path} is not the path of kind ${flags.kind}. ${fault}`);
  const device =
    name === undefined ? { kind: flags.kind, path: flags.path!, settings: {} } : await deviceNamed(flags, name);
  const barcodes = await import('../../domain/barcodes/service.ts');
  const ended = signalled();
  let told = '';
  // It is tried again every second, with the same words.
  const remark = (text: string) => {
    if (text !== told) out.note(text);
    told = text;
  };
  const scanner = open(device, {
    scan: (raw_value) => {
      const { valid, errors, decoded } = barcodes.validate({ raw_value });
      const verdict = valid ? decoded.symbology : errors.join(' ');
      out.result({ raw_value, valid, errors, decoded }, () => `${visible(raw_value)}  ${verdict}`);
    },
    state: ({ state, message }) => remark(message ?? `${device.path}: ${state}`),
  });
  out.note('Scan something; Ctrl-C ends.');
  await ended;
  await scanner.stop();
  return undefined;
};
