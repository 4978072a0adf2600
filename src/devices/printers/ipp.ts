/** The four IPP operations that printing needs, as bytes (RFC 8010, RFC 8011). */
import { Agent, request } from 'node:http';
import { lookup } from './lookup.ts';
import { deviceError, deviceFault, type PrinterUrl } from './printer.ts';

export const operation = { printJob: 0x02, getJob: 0x09, getPrinter: 0x0b } as const;

const tag = {
  operation: 0x01,
  end: 0x03,
  integer: 0x21,
  keyword: 0x44,
  uri: 0x45,
  charset: 0x47,
  language: 0x48,
  mime: 0x49,
  name: 0x42,
};

export type Attribute = [
  kind: 'integer' | 'keyword' | 'uri' | 'mime' | 'name',
  name: string,
  ...values: (string | number)[],
];

export interface IppAnswer {
  /** Below 0x100: it was done. */
  status: number;
  attributes: Record<string, (string | number)[]>;
}

const patience = 15_000;
/** Bytes of an answer; a printer's own are a few thousand. */
const mostHeard = 1024 * 1024;
const agent = new Agent({ keepAlive: true, maxSockets: 4 });
let numbered = 0;

function bytesOf([kind, name, ...values]: Attribute): Buffer {
  return Buffer.concat(values.map((value, index) => field(tag[kind], index === 0 ? name : '', value)));
}

function field(kind: number, name: string, value: string | number): Buffer {
  const bytes = typeof value === 'number' ? Buffer.alloc(4) : Buffer.from(value);
  if (typeof value === 'number') bytes.writeInt32BE(value);
  const head = Buffer.alloc(3);
  head.writeUInt8(kind);
  head.writeUInt16BE(Buffer.byteLength(name), 1);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(bytes.length);
  return Buffer.concat([head, Buffer.from(name), length, bytes]);
}

/** A request: operation attributes, then the document. */
export function encode(code: number, attributes: readonly Attribute[], document: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUInt16BE(0x0101);
  head.writeUInt16BE(code, 2);
  numbered = (numbered + 1) & 0x7fffffff;
  head.writeUInt32BE(numbered, 4);
  head.writeUInt8(tag.operation, 8);
  return Buffer.concat([
    head,
    field(tag.charset, 'attributes-charset', 'utf-8'),
    field(tag.language, 'attributes-natural-language', 'en'),
    ...attributes.map(bytesOf),
    Buffer.from([tag.end]),
    document,
  ]);
}

/** Every attribute of the answer by name, of whatever group; throws RangeError for what is cut short. */
export function decode(bytes: Buffer): IppAnswer {
  const attributes: IppAnswer['attributes'] = {};
  let last = '';
  for (let at = 8; at < bytes.length; ) {
    const kind = bytes.readUInt8(at);
    if (kind === tag.end) break;
    if (kind < 0x10) {
      at += 1;
      continue;
    }
    const nameLength = bytes.readUInt16BE(at + 1);
    if (nameLength > 0) last = bytes.toString('utf8', at + 3, at + 3 + nameLength);
    const length = bytes.readUInt16BE(at + 3 + nameLength);
    const from = at + 5 + nameLength;
    attributes[last] ??= [];
    attributes[last]!.push(valueIn(kind, bytes.subarray(from, from + length)));
    at = from + length;
  }
  return { status: bytes.readUInt16BE(2), attributes };
}

/** Integers, enums and booleans as numbers, a resolution as its dots across, the rest as text. */
function valueIn(kind: number, value: Buffer): string | number {
  if (kind === 0x21 || kind === 0x23 || kind === 0x32) return value.readInt32BE();
  return kind === 0x22 ? value.readUInt8() : value.toString('utf8');
}

/** Rejects with DeviceError when nobody answers, or not in IPP. */
export function call({ host, port, path, text }: PrinterUrl, body: Buffer, signal: AbortSignal): Promise<IppAnswer> {
  return new Promise((resolve, reject) => {
    const headers = { 'Content-Type': 'application/ipp', 'Content-Length': body.length };
    const fail = (error: unknown) => reject(deviceError(error, text));
    const options = { host, port, path, lookup, method: 'POST', headers, agent, timeout: patience, signal };
    const sent = request(options, (answer) => {
      const parts: Buffer[] = [];
      let heard = 0;
      answer.on('data', (part: Buffer) => {
        parts.push(part);
        heard += part.length;
        if (heard > mostHeard) answer.destroy(new Error('it answers without end'));
      });
      answer.on('error', fail);
      answer.on('end', () => {
        if (answer.statusCode === 401 || answer.statusCode === 403)
          return reject(deviceFault('denied', `${text}: the queue asks for a password`));
        if (answer.statusCode !== 200) return reject(deviceFault('offline', `${text}: HTTP ${answer.statusCode}`));
        try {
          resolve(decode(Buffer.concat(parts)));
        } catch (error) {
          fail(error);
        }
      });
    });
    sent.on('timeout', () => sent.destroy(new Error('no answer within 15 s')));
    sent.on('error', fail);
    sent.end(body);
  });
}
