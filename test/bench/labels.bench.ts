/** Labels a second: PDF of QR codes and ZPL, each beside its limit in the same run (encoding alone; joining strings). */
import bwipjs from 'bwip-js/node';
import { compile, type LabelData, pdfStream, zplStream } from '../../src/render/labels.ts';

const rounds = 3;
const label = compile({ symbology: 'qr', width_mm: 50, height_mm: 25, dpi: 203 });

/** No code twice, so that no cache flatters. */
let next = 0;
function* items(count: number): Generator<LabelData> {
  for (let index = 0; index < count; index += 1) {
    next += 1;
    yield {
      code: `BENCH-${next}`,
      asset: { name: 'Cordless drill' },
      tenant: { name: 'Sample Plant', slug: 'sample' },
    };
  }
}

async function drained(stream: AsyncIterable<Buffer | string>): Promise<void> {
  for await (const _ of stream);
}

const works: Record<string, { count: number; run(count: number): Promise<void> | void }> = {
  'PDF, QR': { count: 1_500, run: (count) => drained(pdfStream(label, items(count))) },
  'limit: bwip-js encoding QR alone': {
    count: 1_000,
    run: (count) => {
      for (const { code } of items(count)) bwipjs.raw({ bcid: 'qrcode', text: code, eclevel: 'M' } as never);
    },
  },
  'ZPL, QR': { count: 1_500, run: (count) => drained(zplStream(label, items(count))) },
  'ZPL, QR, codes of one length': { count: 30_000, run: (count) => drained(zplStream(label, items(count))) },
  'limit: joining strings': {
    count: 200_000,
    run: (count) => {
      let text = '';
      for (const { code } of items(count))
        text += `^XA^CI28^PW400^LL200^LH0,0^FO37,37^BQN,2,6^FH_^FDMA,${code}^FS^XZ\n`;
      if (text.length === 0) throw new Error('nothing joined');
    },
  },
};

for (const [name, { count, run }] of Object.entries(works)) {
  const rates: number[] = [];
  for (let round = 0; round <= rounds; round += 1) {
    const started = performance.now();
    await run(count);
    // The first round warms up.
    if (round > 0) rates.push(count / ((performance.now() - started) / 1000));
  }
  const median = rates.sort((one, two) => one - two)[rounds >> 1]!;
  console.log(`${name.padEnd(34)} ${Math.round(median).toLocaleString('en').padStart(10)} labels/s`);
}
