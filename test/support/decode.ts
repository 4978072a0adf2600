/** What a label really says: pages and ZPL drawn as pictures, then read by two codebases that know nothing of ours. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { prepareZXingModule, readBarcodes } from 'zxing-wasm/reader';

const run = promisify(execFile);
const require = createRequire(import.meta.url);
const wasmBinary = Uint8Array.from(readFileSync(require.resolve('zxing-wasm/reader/zxing_reader.wasm'))).buffer;
prepareZXingModule({ overrides: { wasmBinary } });

export interface Code {
  text: string;
  /** AIM symbology identifier, such as `]C1`. */
  aim: string;
}

/** The codes on a picture, from the top left down. */
export async function zxing(png: Uint8Array): Promise<Code[]> {
  const found = await readBarcodes(new Uint8Array(png), {
    tryHarder: true,
    maxNumberOfSymbols: 100,
    textMode: 'Plain',
  });
  const place = ({ position }: (typeof found)[number]) =>
    Math.round(position.topLeft.y / 40) * 100_000 + position.topLeft.x;
  return found
    .sort((one, two) => place(one) - place(two))
    .map(({ bytes, symbologyIdentifier }) => ({ text: Buffer.from(bytes).toString(), aim: symbologyIdentifier }));
}

/** The same by zbar, for QR codes and bars; the order is its own. */
export async function zbar(png: Uint8Array): Promise<string[]> {
  return inFolder(async (folder) => {
    const file = join(folder, 'label.png');
    writeFileSync(file, png);
    const { stdout } = await run('zbarimg', ['-q', '--nodbus', '--raw', '-Sbinary', file], { encoding: 'utf8' }).catch(
      () => ({ stdout: '' }),
    );
    return stdout.split('\n').filter(Boolean);
  });
}

/** A page for each of the document's, at that resolution. */
export async function pagesOf(pdf: Uint8Array, dpi: number): Promise<Buffer[]> {
  return inFolder(async (folder) => {
    writeFileSync(join(folder, 'labels.pdf'), pdf);
    await run('pdftoppm', ['-r', String(dpi), '-gray', '-png', join(folder, 'labels.pdf'), join(folder, 'page')]);
    const files = readdirSync(folder)
      .filter((name) => name.endsWith('.png'))
      .sort();
    return files.map((name) => readFileSync(join(folder, name)));
  });
}

export async function textOf(pdf: Uint8Array): Promise<string> {
  return inFolder(async (folder) => {
    writeFileSync(join(folder, 'labels.pdf'), pdf);
    const { stdout } = await run('pdftotext', ['-layout', join(folder, 'labels.pdf'), '-'], { encoding: 'utf8' });
    return stdout;
  });
}

let drawer:
  | Promise<{ zplToBase64MultipleAsync(zpl: string, width: number, height: number, dpmm: number): Promise<string[]> }>
  | undefined;

/** A picture for each label, as a printer of that resolution would draw it. */
export async function drawZpl(
  zpl: string,
  size: { width_mm: number; height_mm: number },
  dotsPerMm: number,
): Promise<Buffer[]> {
  drawer ??= import('zpl-renderer-js').then(async ({ ready }) => (await ready).api as never);
  const pictures = await (await drawer).zplToBase64MultipleAsync(zpl, size.width_mm, size.height_mm, dotsPerMm);
  return pictures.map((text) => Buffer.from(text, 'base64'));
}

async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'assetra-decode-'));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
