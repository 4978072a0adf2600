/** Codes on a picture, read by zxing from its wasm on disk: nothing is fetched. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Invalid, Malformed } from '../../base/errors.ts';
import { readAim } from './aim.ts';

export interface ReadCode {
  /** One that `validate` takes; `unknown` for a symbol that is none of them. */
  symbology: string;
  /** The symbol by the reader's own name, such as `DataBarExp`. */
  format: string;
  aim_id: string;
  value: string;
  /** The exact bytes, for codes that are no text. */
  raw_base64: string;
  /** Corners in pixels, clockwise from the top left. */
  position: { x: number; y: number }[];
}

/** A picture is unpacked in memory at four bytes a pixel; a small file may hold a very large one. */
const maxPixels = 16_000_000;

/** Malformed (415) for what is neither PNG nor JPEG, Invalid for a picture that cannot be read. */
export async function decodeImage(bytes: Uint8Array): Promise<ReadCode[]> {
  const size = sizeOf(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  if (!size) throw new Invalid({ image: ['The picture is damaged. Send it again.'] });
  if (size.width * size.height > maxPixels)
    throw new Invalid({ image: [`The picture has more than ${maxPixels / 1e6} million pixels. Send a smaller one.`] });
  const { readBarcodes } = await reader();
  try {
    const found = await readBarcodes(new Uint8Array(bytes), {
      tryHarder: true,
      maxNumberOfSymbols: 50,
      textMode: 'Plain',
    });
    return found.map(({ format, symbologyIdentifier, text, bytes: raw, position }) => ({
      symbology: readAim(symbologyIdentifier + text).symbology ?? 'unknown',
      format,
      aim_id: symbologyIdentifier,
      value: text,
      raw_base64: Buffer.from(raw).toString('base64'),
      position: [position.topLeft, position.topRight, position.bottomRight, position.bottomLeft].map(({ x, y }) => ({
        x,
        y,
      })),
    }));
  } catch (error) {
    throw new Invalid({ image: ['The picture cannot be read. Send a PNG or JPEG.'] }, { cause: error });
  }
}

let loaded: Promise<typeof import('zxing-wasm/reader')> | undefined;

function reader(): Promise<typeof import('zxing-wasm/reader')> {
  loaded ??= import('zxing-wasm/reader').then(async (module) => {
    const path = createRequire(import.meta.url).resolve('zxing-wasm/reader/zxing_reader.wasm');
    const wasmBinary = Uint8Array.from(readFileSync(path)).buffer;
    await module.prepareZXingModule({ overrides: { wasmBinary }, fireImmediately: true });
    return module;
  });
  return loaded;
}

interface Size {
  width: number;
  height: number;
}

function sizeOf(file: Buffer): Size | undefined {
  if (file.subarray(0, 8).equals(Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])))
    return file.length >= 24 ? { width: file.readUInt32BE(16), height: file.readUInt32BE(20) } : undefined;
  if (file[0] === 0xff && file[1] === 0xd8) return jpegSize(file);
  throw new Malformed('This is neither a PNG nor a JPEG picture.', 415);
}

/** From the first start-of-frame segment (ITU T.81). */
function jpegSize(file: Buffer): Size | undefined {
  for (let at = 2; at + 9 < file.length && file[at] === 0xff; ) {
    const marker = file[at + 1]!;
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    const frame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (frame) return { height: file.readUInt16BE(at + 5), width: file.readUInt16BE(at + 7) };
    at += 2 + file.readUInt16BE(at + 2);
  }
  return undefined;
}
