/** Reads an .xlsx workbook as other programs do: by the directory of the ZIP, then sheet by sheet. */
import { inflateRawSync } from 'node:zlib';

/** Texts of the members by their names. Throws when the archive is not whole. */
export function members(zip: Buffer): Map<string, string> {
  const end = zip.lastIndexOf(Buffer.from('PK\x05\x06'));
  if (end < 0) throw new Error('The archive has no directory.');
  const found = new Map<string, string>();
  let at = zip.readUInt32LE(end + 16);
  for (let left = zip.readUInt16LE(end + 10); left > 0; left -= 1) {
    const [packed, nameLength, extra, comment] = [20, 28, 30, 32].map((offset, index) =>
      index === 0 ? zip.readUInt32LE(at + offset) : zip.readUInt16LE(at + offset),
    ) as [number, number, number, number];
    const name = zip.subarray(at + 46, at + 46 + nameLength).toString();
    const local = zip.readUInt32LE(at + 42);
    const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
    found.set(name, inflateRawSync(zip.subarray(start, start + packed)).toString());
    at += 46 + nameLength + extra + comment;
  }
  return found;
}

export type Cell = string | number | boolean | null;

/** Rows of each sheet, headings first. */
export function sheetsOf(zip: Buffer): Cell[][][] {
  const parts = members(zip);
  const names = [...parts.keys()].filter((name) => name.startsWith('xl/worksheets/')).sort();
  for (const name of names) if (!parts.get('[Content_Types].xml')!.includes(`/${name}`)) throw new Error(`${name}?`);
  return names.map((name) =>
    [...parts.get(name)!.matchAll(/<row>(.*?)<\/row>/gs)].map(([, cells]) =>
      [...cells!.matchAll(/<c\/>|<c( t="\w+")?>(?:<v>(.*?)<\/v>|<is><t[^>]*>(.*?)<\/t><\/is>)<\/c>/gs)].map(cellOf),
    ),
  );
}

function cellOf([, type, value, text]: RegExpMatchArray): Cell {
  if (text !== undefined) return plain(text);
  if (value === undefined) return null;
  return type?.includes('"b"') ? value === '1' : Number(value);
}

const plain = (text: string): string =>
  text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&')
    .replace(/_x([\dA-F]{4})_/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
