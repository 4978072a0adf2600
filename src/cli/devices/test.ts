import type { GlobalFlags, Run } from '../command.ts';
import { signalled } from '../signal.ts';
import { deviceNamed, open, visible } from './scans.ts';

export const run: Run<{ tenant: string; seconds: number } & GlobalFlags> = async ({ args, flags, out }) => {
  const device = await deviceNamed(flags, args[0]!);
  let hear: (text: string | undefined) => void = () => {};
  const heard = new Promise<string | undefined>((resolve) => {
    hear = resolve;
  });
  const timer = setTimeout(() => hear(undefined), flags.seconds * 1000);
  signalled().then(() => hear(undefined));
  const scanner = open(device, {
    scan: (text) => hear(text),
    state: ({ state, message }) =>
      out.note(state === 'open' ? `${device.path} is open. Scan something.` : (message ?? state)),
  });
  const text = await heard;
  clearTimeout(timer);
  await scanner.stop();
  if (text === undefined) {
    out.result(
      { ok: false, path: device.path },
      () =>
        `No scan came within ${flags.seconds} seconds. A running daemon has the line to itself: stop it for this test.`,
    );
    return 1;
  }
  out.result({ ok: true, path: device.path, raw_value: text }, () => `It works: ${visible(text)}`);
  return undefined;
};
