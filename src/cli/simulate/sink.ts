import type { GlobalFlags, Run } from '../command.ts';
import { signalled } from '../signal.ts';
import { type Mode, type Received, Receiver } from './receiver.ts';

interface Flags extends GlobalFlags {
  port: number;
  host: string;
  secret?: string;
  mode: Mode;
}

export const run: Run<Flags> = async ({ flags, out }) => {
  const { port, host, mode, secret } = flags;
  const show = (message: Received) => out.result(message, () => describe(message));
  const receiver = new Receiver({ mode, hear: show, ...(secret !== undefined && { secret }) });
  const ended = signalled();
  const url = await receiver.start(port, host);
  out.note(`Receiving at ${url} (${mode}); Ctrl-C ends.`);
  await ended;
  await receiver.stop();
  return undefined;
};

const verdicts = new Map<boolean | null, string>([
  [true, 'right'],
  [false, 'WRONG'],
  [null, 'not checked'],
]);

function describe({ at, event, delivery, attempt, id, signature, standard_signature, body }: Received): string {
  const signed = `signature ${verdicts.get(signature)}, standard ${verdicts.get(standard_signature)}`;
  return `${at} ${event || '(no event)'}  delivery ${delivery || '–'}, attempt ${attempt || '–'}, ${id || 'no id'}; ${signed}\n  ${body}`;
}
