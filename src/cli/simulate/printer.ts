import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
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
  await simulator.start(flags.port);
  out.note(`A printer at tcp://${flags.host}:${simulator.port}. Write \`paper_out on\`, \`status\` or \`quit\`.`);
  const lines = createInterface({ input: process.stdin });
  const quit = new Promise<void>((done) => {
    lines.on('line', (line) => {
      if (line.trim() === 'quit') return done();
      void obey(simulator, line.trim()).then((answer) => out.note(answer));
    });
  });
  await Promise.race([signalled(), quit]);
  lines.close();
  await simulator.stop();
  return undefined;
};

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
  if ((faults as readonly string[]).includes(word)) simulator.set(word as Fault, value !== 'off');
  else if (word === 'roll') simulator.roll = Number(value);
  else if (word === 'speed') simulator.settings.speed = Number(value);
  else if (word === 'power' && value === 'off') await simulator.stop();
  else if (word === 'power') await simulator.start();
  else if (word === 'reset' && value === '') simulator.reset();
  else if (word === 'reset') simulator.resetIn = Number(value);
  else if (word !== 'status') return `"${line}" means nothing here.`;
  return `${simulator.printed.length} printed, ${simulator.held} in it; ${[...simulator.faults].join(', ') || 'nothing wrong'}`;
}
