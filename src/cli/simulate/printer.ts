import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { AppError } from '../../base/errors.ts';
import {
  type Fault,
  faults,
  type Printed,
  PrinterSimulator,
  type SimulatorSettings,
} from '../../devices/simulator/printer.ts';
import type { GlobalFlags, Run } from '../command.ts';
import { signalled } from '../signal.ts';

interface Flags extends GlobalFlags {
  port: number;
  host: string;
  out?: string;
  speed: number;
  dpi: string;
  oneClient?: boolean;
  answers: SimulatorSettings['answers'];
  drain?: number;
}

const dpmm: Record<string, number> = { 203: 8, 300: 12, 600: 24 };

export const run: Run<Flags> = async ({ flags, out }) => {
  const { speed, answers, drain } = flags;
  const settings = { speed, answers, drain, dpmm: dpmm[flags.dpi]!, oneClient: flags.oneClient ?? false };
  const simulator = new PrinterSimulator(settings, flags.host);
  const keep = flags.out === undefined ? undefined : await keeper(resolve(flags.out), settings.dpmm);
  simulator.onPrint = (label) => {
    const kept = keep?.(label, simulator.printed.length);
    out.result({ label: simulator.printed.length, at: new Date(label.at).toISOString(), ...kept }, () =>
      ['Printed', simulator.printed.length, kept?.file].filter(Boolean).join(' '),
    );
  };
  await simulator.start(flags.port).catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'EADDRINUSE' ? inUse(flags) : error;
  });
  out.note(`A printer at tcp://${flags.host}:${simulator.port}. Write \`paper_out on\`, \`status\` or \`quit\`.`);
  const lines = createInterface({ input: process.stdin });
  const quit = new Promise<void>((done) => {
    lines.on('line', (line) => {
      if (line.trim() === 'quit') return done();
      void obey(simulator, line.trim()).then(out.note, (error: Error) => out.note(error.message));
    });
  });
  await Promise.race([signalled(), quit]);
  lines.close();
  await simulator.stop();
  return undefined;
};

const inUse = ({ host, port }: Flags): AppError =>
  new AppError(
    'listen',
    500,
    `Another program listens on ${host}:${port}. Stop it, or choose another port with --port.`,
  );

/** Each label as it came and as it looks. */
async function keeper(folder: string, dots: number) {
  const { pictureOf } = await import('../../render/zpl-picture.ts');
  mkdirSync(folder, { recursive: true });
  return ({ zpl }: Printed, number: number) => {
    const file = join(folder, `label-${String(number).padStart(5, '0')}`);
    writeFileSync(`${file}.zpl`, zpl);
    writeFileSync(`${file}.png`, pictureOf(zpl, dots));
    return { file: `${file}.png` };
  };
}

/** One line of what a person does to it. */
async function obey(simulator: PrinterSimulator, line: string): Promise<string> {
  const [word = '', value = ''] = line.split(/\s+/);
  const number = /^\d{1,9}$/.test(value) ? Number(value) : undefined;
  const isSwitch = value === 'on' || value === 'off';
  if ((faults as readonly string[]).includes(word) && isSwitch) simulator.set(word as Fault, value === 'on');
  else if (word === 'roll' && number !== undefined) simulator.roll = number;
  else if (word === 'speed' && number !== undefined) simulator.settings.speed = number;
  else if (word === 'power' && value === 'off') await simulator.stop();
  else if (word === 'power' && value === 'on') await simulator.start();
  else if (word === 'blackout' && number !== undefined) simulator.blackout(number);
  else if (word === 'reset' && value === '') simulator.reset();
  else if (word === 'reset' && number !== undefined) simulator.resetIn = number;
  else if (word !== 'status') return `"${line}" means nothing here.`;
  return `${simulator.printed.length} printed, ${simulator.held} in it; ${[...simulator.faults].join(', ') || 'nothing wrong'}`;
}
